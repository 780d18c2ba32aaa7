"""Model calls through the libcurl that speaks TLS with GnuTLS, loaded as a plug-in loads it: URL. Its sessions are left alone."""
import ctypes
import os
import sys

URL, POSTFIELDS, HTTPHEADER, CAINFO = 10002, 10015, 10023, 10065

curl = ctypes.CDLL("libcurl-gnutls.so.4")
for function in (curl.curl_easy_init, curl.curl_slist_append):
    function.restype = ctypes.c_void_p
handle = ctypes.c_void_p(curl.curl_easy_init())
headers = ctypes.c_void_p(curl.curl_slist_append(None, b"Content-Type: application/json"))
curl.curl_easy_setopt(handle, URL, (sys.argv[1] + "/chat/completions").encode())
curl.curl_easy_setopt(handle, HTTPHEADER, headers)
curl.curl_easy_setopt(handle, CAINFO, os.environ["SSL_CERT_FILE"].encode())
for i in range(8):
    body = b'{"model":"test-model","messages":[{"role":"user","content":"secret prompt %d"}]}' % i
    curl.curl_easy_setopt(handle, POSTFIELDS, body)
    print(curl.curl_easy_perform(handle), flush=True)
curl.curl_easy_cleanup(handle)
