"""Calls of Bedrock's converse, signed as the AWS SDKs sign them: with the clock, and a name for each request."""
import datetime
import hashlib
import hmac
import json
import urllib.parse
import uuid

import requests

from model import URL, say

HOST = urllib.parse.urlsplit(URL).netloc
PATH = "/model/amazon.nova-lite-v1%3A0/converse"
session = requests.Session()


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed(body):
    now = datetime.datetime.utcnow().strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/us-east-1/bedrock/aws4_request"
    canonical = "\n".join(("POST", PATH.replace("%", "%25"), "", "content-type:application/json", "host:" + HOST,
                           "x-amz-date:" + now, "x-amz-security-token:token", "",
                           "content-type;host;x-amz-date;x-amz-security-token", hashlib.sha256(body).hexdigest()))
    text = "\n".join(("AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = b"AWS4" + b"no-secret"
    for part in scope.split("/"):
        key = digest(key, part)
    return {"Content-Type": "application/json", "X-Amz-Date": now, "X-Amz-Security-Token": "token",
            "amz-sdk-invocation-id": str(uuid.uuid4()), "amz-sdk-request": "attempt=1",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders=content-type;host;"
                             f"x-amz-date;x-amz-security-token, Signature={digest(key, text).hex()}"}


def converse(prompt):
    body = json.dumps({"messages": [{"role": "user", "content": [{"text": prompt}]}]}).encode()
    answer = session.post(f"http://{HOST}{PATH}", data=body, headers=signed(body)).json()
    return answer["output"]["message"]["content"][0]["text"]


answers = []
for i in range(4):
    answers.append(converse(f"tell me about number {i}"))
    say(answers[-1])
say(converse("sum up " + " / ".join(answers)))
