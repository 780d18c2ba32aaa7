// Calls one after the other in Go, which makes its system calls itself.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
)

func main() {
	host, path, _ := strings.Cut(strings.TrimPrefix(os.Args[1], "http://"), "/")
	server, err := net.Dial("tcp", host)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	answers := bufio.NewReader(server)
	for i := 0; i < 6; i++ {
		body := fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":"question %d"}]}`, i)
		fmt.Fprintf(server, "POST /%s/chat/completions HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
			"Content-Length: %d\r\n\r\n%s", path, host, len(body), body)
		length := 0
		for line := "-"; line != "\r\n"; {
			line, _ = answers.ReadString('\n')
			fmt.Sscanf(strings.ToLower(line), "content-length: %d", &length)
		}
		text := make([]byte, length)
		for got := 0; got < length; {
			n, _ := answers.Read(text[got:])
			got += n
		}
		fmt.Println(i, string(text))
	}
}
