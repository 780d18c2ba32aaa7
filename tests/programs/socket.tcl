# Calls with Tcl: its http package, whose loop waits in a thread of its own ("http"), or a blocking socket for each call.
package require http
regexp {http://([^:]+):(\d+)(.*)} [lindex $argv 0] url host port path

proc with_http {body} {
    set token [http::geturl $::url/chat/completions -method POST -type application/json -query $body]
    set answer "[http::ncode $token] [http::data $token]"
    http::cleanup $token
    return $answer
}

proc with_socket {body} {
    set server [socket $::host $::port]
    fconfigure $server -translation binary
    puts -nonewline $server "POST $::path/chat/completions HTTP/1.1\r\nHost: $::host\r\nConnection: close\r\n"
    puts -nonewline $server "Content-Type: application/json\r\nContent-Length: [string length $body]\r\n\r\n$body"
    flush $server
    set answer [read $server]
    close $server
    return [string range $answer [string first "\r\n\r\n" $answer]+4 end]
}

for {set i 0} {$i < 6} {incr i} {
    puts "$i [with_[lindex $argv 1] "{\"model\":\"m\",\"messages\":\[{\"role\":\"user\",\"content\":\"question $i\"}\]}"]"
}
