# Several agents, one after the other, each a chain of calls, with Perl's HTTP::Tiny.
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;

$| = 1;
my $http = HTTP::Tiny->new(timeout => 30);
my $json = JSON::PP->new->canonical;
for my $task (qw(research outline budget schedule)) {
    my @messages = ({ role => "user", content => "begin $task" });
    my $answer;
    for my $step (1 .. 3) {
        my $reply = $http->post("$ARGV[0]/chat/completions", { headers => { "Content-Type" => "application/json" },
            content => $json->encode({ model => "test-model", messages => \@messages }) });
        $answer = decode_json($reply->{content})->{choices}[0]{message}{content};
        push @messages, { role => "assistant", content => $answer }, { role => "user", content => "$task, step $step" };
    }
    print "$task $answer\n";
}
