# Independent calls with Perl's HTTP::Tiny, which keeps its connection; their prompts are as much longer as is said.
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;

$| = 1;
my $http = HTTP::Tiny->new(timeout => 30);
for my $i (0 .. 7) {
    my $call = { model => "test-model", messages => [{ role => "user", content => "question $i" . "x" x ($ARGV[1] // 0) }] };
    my $answer = $http->post("$ARGV[0]/chat/completions",
        { headers => { "Content-Type" => "application/json" }, content => JSON::PP->new->canonical->encode($call) });
    print decode_json($answer->{content})->{choices}[0]{message}{content}, "\n";
}
