"""What the test programs in Python share: one way to ask the model for each HTTP library.

Called as PROGRAM URL CLIENT [ARGUMENT...]. Programs print nothing that changes from one run to the next.
"""
import http.client
import json
import sys
import urllib.parse
import urllib.request

URL = sys.argv[1]
CLIENT = sys.argv[2]
ARGS = sys.argv[3:]
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer test-key"}


def call_of(prompt, **more):
    return {"model": "test-model", "messages": [{"role": "user", "content": prompt}], **more}


def text_of(answer):
    return answer["choices"][0]["message"]["content"]


def _requests():
    import requests
    return lambda path, call, **kw: requests.post(URL + path, json=call, headers=HEADERS, **kw).json()


def _session():
    import requests
    session = requests.Session()
    return lambda path, call, **kw: session.post(URL + path, json=call, headers=HEADERS, **kw).json()


def _httpx():
    import httpx
    return lambda path, call, **kw: httpx.post(URL + path, json=call, headers=HEADERS, **{"timeout": 30, **kw}).json()


def _httpx_client():
    import httpx
    client = httpx.Client(timeout=30)
    return lambda path, call, **kw: client.post(URL + path, json=call, headers=HEADERS, **kw).json()


def _httpx_http2():
    import httpx
    client = httpx.Client(timeout=30, http2=True)
    return lambda path, call, **kw: client.post(URL + path, json=call, headers=HEADERS, **kw).json()


def _http_client():
    where = urllib.parse.urlsplit(URL)
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    connection = kind(where.hostname, where.port, timeout=30)

    def post(path, call):
        connection.request("POST", where.path + path, json.dumps(call), HEADERS)
        return json.loads(connection.getresponse().read())
    return post


def _urllib():
    def post(path, call, timeout=30):
        request = urllib.request.Request(URL + path, json.dumps(call).encode(), HEADERS)
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return json.load(response)
    return post


CLIENTS = {"requests": _requests, "session": _session, "httpx": _httpx, "httpx-client": _httpx_client, "httpx-http2": _httpx_http2,
           "http.client": _http_client, "urllib": _urllib}
post = CLIENTS[CLIENT]()


def ask(prompt, **kw):
    """The model's text for a prompt."""
    return text_of(post("/chat/completions", call_of(prompt), **kw))


def say(*words):
    print(*words, flush=True)
