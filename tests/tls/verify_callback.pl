# LWP with a verification callback that prints, as verify_callback.rb.
use strict;
use warnings;
use JSON::PP;
use LWP::UserAgent;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

$| = 1;
my $began = clock_gettime(CLOCK_MONOTONIC);
for my $i (0 .. 7) {
    my $late = $ARGV[1] eq "late" && clock_gettime(CLOCK_MONOTONIC) - $began > 0.35 ? "late " : "";
    my $sees = sub {
        my ($ok, $store, $names, $error, $certificate, $depth) = @_;
        print "call $i verifies $names at $depth: $ok, $error\n";
        return $ok;
    };
    my $agent = LWP::UserAgent->new(timeout => 30, ssl_opts => { SSL_verify_callback => $sees });
    my $call = { model => "test-model", messages => [{ role => "user", content => "${late}question $i" }] };
    my $answer = $agent->post("$ARGV[0]/chat/completions", "Content-Type" => "application/json",
        Content => JSON::PP->new->canonical->encode($call));
    print decode_json($answer->content)->{choices}[0]{message}{content}, "\n";
}
