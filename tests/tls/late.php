<?php
// Eight calls with a connection of its own for each: URL MS. The first answer takes MS milliseconds; once 350 ms have passed, which they
// have in no run-ahead, the prompts say so. PHP compares the certificate's name with the host's after the handshake.
$began = microtime(true);
for ($i = 0; $i < 8; $i++) {
    $late = microtime(true) - $began > 0.35 ? "late " : "";
    $first = $i == 0 ? " [[latency=$argv[2]]]" : "";
    $call = ["model" => "test-model", "messages" => [["role" => "user", "content" => "{$late}question $i$first"]]];
    $context = stream_context_create(["http" => [
        "method" => "POST",
        "header" => "Content-Type: application/json\r\nAuthorization: Bearer test-key",
        "content" => json_encode($call),
        "timeout" => 30,
    ]]);
    $text = @file_get_contents($argv[1] . "/chat/completions", false, $context);
    if ($text === false) {
        echo "failed\n";
        exit(3);
    }
    echo json_decode($text, true)["choices"][0]["message"]["content"], "\n";
    flush();
}
