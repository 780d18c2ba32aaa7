// Calls one after the other with Rust's standard library: a connection for each; header names in lower case, as its HTTP
// libraries write them.
use std::io::{Read, Write};
use std::net::TcpStream;

fn main() {
    let url = std::env::args().nth(1).unwrap();
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    for i in 0..8 {
        let fails = if i == 4 { "[[status=400]]" } else { "" };
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"question {i}{fails}"}}]}}"#);
        let mut server = TcpStream::connect(host).unwrap();
        write!(
            server,
            "POST /{path}/chat/completions HTTP/1.1\r\ncontent-type: application/json\r\nhost: {host}\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        server.read_to_string(&mut answer).unwrap();
        println!("{i} {}", answer.split_once("\r\n\r\n").unwrap().1);
    }
}
