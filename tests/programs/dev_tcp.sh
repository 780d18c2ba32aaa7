# Calls with bash's /dev/tcp: a connection for each, written and read within libc's stdio or a byte at a time.
where=${1#http://} host=${1#http://}
host=${host%%:*} path=/${where#*/} port=${where#*:}
for i in 0 1 2 3 4 5; do
    body="{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"question $i\"}]}"
    exec 3<>"/dev/tcp/$host/${port%%/*}"
    printf 'POST %s/chat/completions HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Type: application/json\r\n' "$path" "$host" >&3
    printf 'Content-Length: %d\r\n\r\n%s' ${#body} "$body" >&3
    while IFS= read -r line <&3 || [ -n "$line" ]; do
        [ "${line#'{'}" = "$line" ] || echo "$line"
    done
    exec 3>&-
done
