#!/bin/sh
# wget or wget2, which speak TLS through GnuTLS: PROGRAM URL HOW, eight calls in one run, with the answers on stdout. The
# request's body and key are in files, body.json and wgetrc, since its command line can be read by all.
#   keep, each: a connection for all calls, or for each; off: no verification; files: the answers into files;
#   fastopen: wget2's own way to send, which is left alone
program=$1
url=$2/chat/completions
how=$3
set -- "$url?1" "$url?2" "$url?3" "$url?4" "$url?5" "$url?6" "$url?7" "$url?8"
case $how in
    each) set -- --no-http-keep-alive "$@" ;;
    off) set -- --no-check-certificate "$@" ;;
esac
case $how in
    files) ;;
    *) set -- -O - "$@" ;;
esac
case $program-$how in
    wget2-fastopen) set -- --tcp-fastopen "$@" ;;
    wget2-*) set -- --no-tcp-fastopen "$@" ;;
esac
case $program in
    wget2) set -- --max-threads=1 --no-ocsp --no-ocsp-stapling --no-hsts --no-tls-resume --http2=off "$@" ;;
esac
exec "$program" -q --config=wgetrc --tries=1 --ca-certificate="$SSL_CERT_FILE" --header='Content-Type: application/json' \
    --post-file=body.json "$@"
