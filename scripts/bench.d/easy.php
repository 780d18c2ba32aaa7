<?php
// The benchmark's work with PHP's curl extension: URL CALLS easy|multi|chain. One call after the other, all at once with
// curl_multi_exec (64 in flight), or each with the answer before it; then stderr gets the median time of a call in ms.
[, $base, $calls, $way] = $argv;
const CONCURRENCY = 64;

function handle($base, $text) {
    $ch = curl_init("$base/v1/chat/completions");
    curl_setopt_array($ch, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_POSTFIELDS => json_encode(["model" => "bench", "messages" => [["role" => "user", "content" => $text]]]),
        CURLOPT_HTTPHEADER => ["Content-Type: application/json"],
    ]);
    return $ch;
}

function text($answer) {
    return json_decode($answer, true)["choices"][0]["message"]["content"];
}

if ($way == "easy") {
    for ($i = 0; $i < $calls; $i++)
        echo "$i ", text(curl_exec(handle($base, "Question number $i."))), "\n";
} elseif ($way == "chain") {
    $last = "start";
    $times = [];
    for ($i = 0; $i < $calls; $i++) {
        $begin = hrtime(true);
        $last = substr(text(curl_exec(handle($base, "Go on from: $last"))), -60);
        $times[] = (hrtime(true) - $begin) / 1e6;
    }
    sort($times);
    echo "$last\n";
    fprintf(STDERR, "%.4f\n", $times[intdiv($calls, 2)]);
} else {
    $many = curl_multi_init();
    $handles = $numbers = [];
    $answers = array_fill(0, $calls, "");
    $next = 0;
    do {
        while ($next < $calls && count($numbers) < CONCURRENCY) {
            $ch = handle($base, "Question number $next.");
            $numbers[spl_object_id($ch)] = $next;
            $handles[$next++] = $ch;
            curl_multi_add_handle($many, $ch);
        }
        curl_multi_exec($many, $running);
        while ($done = curl_multi_info_read($many)) {
            $ch = $done["handle"];
            $answers[$numbers[spl_object_id($ch)]] = text(curl_multi_getcontent($ch));
            curl_multi_remove_handle($many, $ch);
            unset($numbers[spl_object_id($ch)]);
        }
        if ($numbers)
            curl_multi_select($many);
    } while ($numbers || $next < $calls);
    foreach ($answers as $i => $answer)
        echo "$i $answer\n";
}
