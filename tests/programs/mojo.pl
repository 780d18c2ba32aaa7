# Independent calls with Perl's Mojo::UserAgent, whose event loop polls.
use strict;
use warnings;
use Mojo::UserAgent;

$| = 1;
my $agent = Mojo::UserAgent->new;
$agent->ca($ENV{SSL_CERT_FILE}) if $ENV{SSL_CERT_FILE};
for my $i (0 .. 7) {
    my $prompt = "question $i" . ($i == 4 ? "[[status=400]]" : "");
    my $call = { model => "test-model", messages => [{ role => "user", content => $prompt }] };
    my $answer = $agent->post("$ARGV[0]/chat/completions", json => $call)->result;
    print "$i ", $answer->code, " ", $answer->body, "\n";
}
