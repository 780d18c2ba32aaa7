# Independent calls with Perl's LWP.
use strict;
use warnings;
use JSON::PP;
use LWP::UserAgent;

$| = 1;
my $agent = LWP::UserAgent->new(timeout => 30, keep_alive => $ARGV[1] eq "keep");
for my $i (0 .. 7) {
    my $call = { model => "test-model", messages => [{ role => "user", content => "question $i" }] };
    my $answer = $agent->post("$ARGV[0]/chat/completions", "Content-Type" => "application/json",
        Content => JSON::PP->new->canonical->encode($call));
    print decode_json($answer->content)->{choices}[0]{message}{content}, "\n";
}
