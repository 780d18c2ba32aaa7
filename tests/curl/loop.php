<?php
// Model calls with PHP's curl extension: URL WAY. Prints answers and errors; no times, no ports.
const CALLS = 6;
$base = $argv[1];

function body($prompt) {
    return json_encode(["model" => "test-model", "messages" => [["role" => "user", "content" => $prompt]]]);
}

function content($text) {
    $answer = json_decode($text, true);
    return $answer["choices"][0]["message"]["content"] ?? "no content: " . substr((string)$text, 0, 60);
}

function handle($base, $prompt) {
    $ch = curl_init("$base/chat/completions");
    curl_setopt_array($ch, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => body($prompt),
        CURLOPT_HTTPHEADER => ["Content-Type: application/json", "Authorization: Bearer test-key"],
        CURLOPT_TIMEOUT => 30,
    ]);
    return $ch;
}

function ask($base, $prompt) {
    $ch = handle($base, $prompt);
    $text = curl_exec($ch);
    if (curl_errno($ch))
        throw new Exception(preg_replace('/\d+/', '#', curl_error($ch)), curl_errno($ch));
    $status = curl_getinfo($ch, CURLINFO_HTTP_CODE);
    curl_close($ch);
    if ($status != 200)
        throw new Exception("status $status", 1000 + $status);
    return content($text);
}

function answers($base) {
    for ($i = 0; $i < CALLS; $i++)
        yield $i => ask($base, "question $i");
}

$ways = [
    "loop" => function () use ($base) {
        for ($i = 0; $i < CALLS; $i++) {
            $ch = handle($base, "question $i");
            $text = curl_exec($ch);
            printf("%d %d [%s] %s\n", $i, curl_errno($ch), curl_error($ch), content($text));
            curl_close($ch);
        }
    },
    "functions" => function () use ($base) {
        foreach (array_map(fn($i) => ask($base, "question $i"), range(0, CALLS - 1)) as $answer)
            echo $answer, "\n";
    },
    "generator" => function () use ($base) {
        foreach (answers($base) as $i => $answer)
            echo "$i $answer\n";
    },
    "one-handle" => function () use ($base) {
        $ch = handle($base, "");
        for ($i = 0; $i < CALLS; $i++) {
            curl_setopt($ch, CURLOPT_POSTFIELDS, body("question $i"));
            echo content(curl_exec($ch)), "\n";
        }
    },
    "write-function" => function () use ($base) {
        for ($i = 0; $i < CALLS; $i++) {
            $text = "";
            $heads = [];
            $ch = handle($base, "question $i");
            curl_setopt($ch, CURLOPT_WRITEFUNCTION, function ($ch, $data) use (&$text) {
                $text .= $data;
                return strlen($data);
            });
            curl_setopt($ch, CURLOPT_HEADERFUNCTION, function ($ch, $line) use (&$heads) {
                $heads[] = preg_replace('/^(Date): .*/i', '$1', trim($line));
                return strlen($line);
            });
            var_dump(curl_exec($ch));
            echo content($text), "\n", implode("|", $heads), "\n";
        }
    },
    "short-write" => function () use ($base) {
        for ($i = 0; $i < CALLS; $i++) {
            $ch = handle($base, "question $i");
            curl_setopt($ch, CURLOPT_WRITEFUNCTION, fn($ch, $data) => $i == 2 ? 0 : strlen($data));
            var_dump(curl_exec($ch));
            printf("%d %s\n", curl_errno($ch), preg_replace('/\d+/', '#', curl_error($ch)));
        }
    },
    "to-output" => function () use ($base) {
        for ($i = 0; $i < CALLS; $i++) {
            $ch = handle($base, "question $i");
            curl_setopt($ch, CURLOPT_RETURNTRANSFER, false);
            curl_exec($ch);
            echo "\n";
        }
    },
    "file" => function () use ($base) {
        for ($i = 0; $i < CALLS; $i++) {
            $to = fopen("answer-$i", "w");
            $ch = handle($base, "question $i");
            curl_setopt($ch, CURLOPT_FILE, $to);
            curl_setopt($ch, CURLOPT_HEADER, true);
            var_dump(curl_exec($ch));
            fclose($to);
            echo filesize("answer-$i"), "\n";
        }
    },
    "info" => function () use ($base) {
        $keys = ["url", "content_type", "http_code", "header_size", "request_size", "ssl_verify_result", "redirect_count",
            "size_upload", "size_download", "download_content_length", "upload_content_length", "primary_ip", "http_version",
            "protocol", "scheme", "effective_method"];
        for ($i = 0; $i < CALLS; $i++) {
            $ch = handle($base, "question $i");
            curl_exec($ch);
            $info = curl_getinfo($ch);
            foreach ($keys as $key)
                echo "$key ", json_encode($info[$key] ?? null), "\n";
            var_dump($info["total_time"] >= $info["starttransfer_time"] && $info["starttransfer_time"] > 0);
        }
    },
    "errors" => function () use ($base) {
        $prompts = ["good", "[[status=500]] bad", "good too", "[[drop=20]] broken", "[[hangup]] gone", "[[status=429]] more", "last"];
        foreach ($prompts as $prompt) {
            try {
                echo ask($base, $prompt), "\n";
            } catch (Exception $e) {
                printf("%s: %d %s\n", $prompt, $e->getCode(), $e->getMessage());
            }
        }
        try {
            echo ask("http://127.0.0.1:9/v1", "refused"), "\n";
        } catch (Exception $e) {
            printf("%d %s\n", $e->getCode(), $e->getMessage());
        }
    },
    "copy-and-reset" => function () use ($base) {
        $ch = handle($base, "question 0");
        for ($i = 1; $i < CALLS; $i++) {
            $copy = curl_copy_handle($ch);
            curl_setopt($copy, CURLOPT_POSTFIELDS, body("question $i"));
            echo content(curl_exec($copy)), "\n";
        }
        curl_reset($ch);
        var_dump(curl_exec($ch), curl_errno($ch));
    },
    "chain" => function () use ($base) {
        $last = "start";
        for ($i = 0; $i < CALLS; $i++) {
            $last = ask($base, "after $last");
            echo $last, "\n";
        }
    },
    "multi" => function () use ($base) {
        $many = curl_multi_init();
        $handles = array_map(fn($i) => handle($base, "question $i"), range(0, CALLS - 1));
        foreach ($handles as $ch)
            curl_multi_add_handle($many, $ch);
        do {
            $status = curl_multi_exec($many, $running);
            if ($running)
                curl_multi_select($many);
        } while ($running && $status == CURLM_OK);
        foreach ($handles as $ch) {
            echo content(curl_multi_getcontent($ch)), "\n";
            curl_multi_remove_handle($many, $ch);
        }
        echo ask($base, "after all"), "\n";
    },
];
$ways[$argv[2]]();
