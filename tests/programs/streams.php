<?php
// Independent calls with PHP's own streams: file_get_contents with a stream context.
for ($i = 0; $i < 8; $i++) {
    $call = ["model" => "test-model", "messages" => [["role" => "user", "content" => "question $i"]]];
    $context = stream_context_create(["http" => [
        "method" => "POST",
        "header" => "Content-Type: application/json\r\nAuthorization: Bearer test-key",
        "content" => json_encode($call),
        "timeout" => 30,
    ]]);
    $answer = json_decode(file_get_contents($argv[1] . "/chat/completions", false, $context), true);
    echo $answer["choices"][0]["message"]["content"], "\n";
    flush();
}
