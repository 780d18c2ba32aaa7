"""Text that is not ASCII, as UTF-8 and as JSON escapes."""
import json
import urllib.request

from model import HEADERS, URL, ask, call_of, say, text_of

for prompt in ("grüße", "日本語のテキスト", "emoji 🦆 \u0000 nul", "\"quotes\" \\ back\n\tlines", "ﷺ العربية"):
    say(repr(ask(prompt)))
    raw = json.dumps(call_of("raw " + prompt), ensure_ascii=False).encode()
    with urllib.request.urlopen(urllib.request.Request(URL + "/chat/completions", raw, HEADERS)) as response:
        say(repr(text_of(json.load(response))))
