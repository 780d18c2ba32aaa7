<?php
// An answer that is JSON, parts of which go into the next call, with PHP's own streams.
function ask(string $prompt): string {
    global $argv;
    $call = ["model" => "test-model", "messages" => [["role" => "user", "content" => $prompt]]];
    $context = stream_context_create(["http" => ["method" => "POST", "header" => "Content-Type: application/json",
        "content" => json_encode($call), "timeout" => 30]]);
    $answer = file_get_contents($argv[1] . "/chat/completions", false, $context);
    return json_decode($answer, true)["choices"][0]["message"]["content"];
}

for ($i = 0; $i < 5; $i++) {
    $found = json_decode(ask("[[json]]extract from document $i"), true, 8, JSON_THROW_ON_ERROR);
    echo $i, " ", $found["score"], " ", ask("explain $found[topic] and " . implode(", ", $found["tags"])), "\n";
    flush();
}
