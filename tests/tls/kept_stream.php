<?php
// Independent calls over one ssl:// stream of PHP's that is kept open.
$where = parse_url($argv[1]);
$stream = stream_socket_client("ssl://$where[host]:$where[port]", $number, $text, 30);
for ($i = 0; $i < 8; $i++) {
    $call = json_encode(["model" => "test-model", "messages" => [["role" => "user", "content" => "question $i"]]]);
    fwrite($stream, "POST $where[path]/chat/completions HTTP/1.1\r\nHost: $where[host]\r\nContent-Type: application/json\r\n"
        . "Authorization: Bearer test-key\r\nContent-Length: " . strlen($call) . "\r\n\r\n" . $call);
    $length = 0;
    while (($line = rtrim(fgets($stream))) !== "")
        if (stripos($line, "content-length:") === 0)
            $length = (int)substr($line, 15);
    for ($body = ""; strlen($body) < $length;)
        $body .= fread($stream, $length - strlen($body));
    echo json_decode($body, true)["choices"][0]["message"]["content"], "\n";
    flush();
}
