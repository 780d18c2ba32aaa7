"""Independent calls of one API, then one that needs all their answers: whole (the argument is its name) or in pieces
(its name and "stream"), read event by event.
"""
import json

import requests

from model import ARGS, URL, say

ROOT = URL.removesuffix("/v1")
BEDROCK = "/model/{}/invoke"

# path, body for a prompt, where the answer has its text or numbers
CALLS = {
    "chat": ("/v1/chat/completions", lambda p: {"messages": user(p)}, "choices.0.message.content"),
    "azure": ("/openai/deployments/d/chat/completions?api-version=1", lambda p: {"messages": user(p)},
              "choices.0.message.content"),
    "completion": ("/v1/completions", lambda p: {"prompt": p}, "choices.0.text"),
    "fim": ("/v1/fim/completions", lambda p: {"model": "m", "prompt": p}, "choices.0.message.content"),
    "response": ("/v1/responses", lambda p: {"model": "m", "input": p, "store": False}, "output.0.content.0.text"),
    "moderation": ("/v1/moderations", lambda p: {"input": p}, "results.0.flagged"),
    "image": ("/v1/images/generations", lambda p: {"prompt": p}, "data.0.url"),
    "message": ("/v1/messages", lambda p: {"model": "m", "max_tokens": 9, "messages": user(p)}, "content.0.text"),
    "google": ("/v1beta/models/m:generateContent", lambda p: {"contents": [{"parts": [{"text": p}]}]},
               "candidates.0.content.parts.0.text"),
    "google-list": ("/v1beta/models/m:streamGenerateContent", lambda p: {"contents": [{"parts": [{"text": p}]}]},
                    "0.candidates.0.content.parts.0.text"),
    "google-embed": ("/v1beta/models/m:embedContent", lambda p: {"content": {"parts": [{"text": p}]}},
                     "embedding.values"),
    "google-embed-batch": ("/v1beta/models/m:batchEmbedContents",
                           lambda p: {"requests": [{"content": {"parts": [{"text": p}]}}]}, "embeddings.0.values"),
    "ollama-chat": ("/api/chat", lambda p: {"model": "m", "messages": user(p), "stream": False}, "message.content"),
    "ollama-generate": ("/api/generate", lambda p: {"model": "m", "prompt": p, "stream": False}, "response"),
    "ollama-embed": ("/api/embed", lambda p: {"model": "m", "input": [p]}, "embeddings.0"),
    "ollama-embedding": ("/api/embeddings", lambda p: {"model": "m", "prompt": p}, "embedding"),
    "embedding": ("/v1/embeddings", lambda p: {"input": p}, "data.0.embedding"),
    "llama": ("/completion", lambda p: {"prompt": p}, "content"),
    "infill": ("/infill", lambda p: {"input_prefix": p, "input_suffix": "b"}, "content"),
    "llama-embedding": ("/embedding", lambda p: {"content": p}, "0.embedding.0"),
    "rerank": ("/v1/rerank", lambda p: {"query": p, "documents": ["a", "b"]}, "results.0.relevance_score"),
    "cohere": ("/v2/chat", lambda p: {"model": "m", "messages": user(p)}, "message.content.0.text"),
    "cohere-1": ("/v1/chat", lambda p: {"message": p}, "text"),
    "cohere-embed": ("/v2/embed", lambda p: {"model": "m", "input_type": "search_query", "texts": [p],
                                             "embedding_types": ["float"]}, "embeddings.float.0"),
    "cohere-embed-1": ("/v1/embed", lambda p: {"texts": [p]}, "embeddings.0"),
    "tgi": ("/generate", lambda p: {"inputs": p}, "generated_text"),
    "hugging-face": ("/hf-inference/models/org/name", lambda p: {"inputs": p}, "0.generated_text"),
    "hugging-face-features": ("/hf-inference/models/org/name/pipeline/feature-extraction", lambda p: {"inputs": p}, ""),
    "converse": ("/model/amazon.nova-lite-v1%3A0/converse",
                 lambda p: {"messages": [{"role": "user", "content": [{"text": p}]}]},
                 "output.message.content.0.text"),
    "bedrock-claude": (BEDROCK.format("anthropic.claude-3"),
                       lambda p: {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": user(p)},
                       "content.0.text"),
    "bedrock-titan": (BEDROCK.format("amazon.titan-text"), lambda p: {"inputText": p}, "results.0.outputText"),
    "bedrock-titan-embed": (BEDROCK.format("amazon.titan-embed-text"), lambda p: {"inputText": p}, "embedding"),
    "bedrock-llama": (BEDROCK.format("meta.llama3"), lambda p: {"prompt": p}, "generation"),
    "bedrock-mistral": (BEDROCK.format("mistral.mistral-7b"), lambda p: {"prompt": p}, "outputs.0.text"),
}

# path where it is another, what asks for a stream, where an event has its piece of text, the last event
STREAMS = {
    "chat": (None, {"stream": True}, "choices.0.delta.content", "[DONE]"),
    "completion": (None, {"stream": True}, "choices.0.text", "[DONE]"),
    "response": (None, {"stream": True}, "delta", "response.completed"),
    "message": (None, {"stream": True}, "delta.text", "message_stop"),
    "google": ("/v1beta/models/m:streamGenerateContent?alt=sse", {}, "candidates.0.content.parts.0.text",
               "finishReason"),
    "ollama-chat": (None, {"stream": True}, "message.content", '"done":true'),
    "ollama-generate": (None, {"stream": None}, "response", '"done":true'),
    "llama": (None, {"stream": True}, "content", '"stop":true'),
    "cohere": (None, {"stream": True}, "delta.message.content.text", "message-end"),
    "cohere-1": (None, {"stream": True}, "text", "stream-end"),
    "tgi": ("/generate_stream", {}, "token.text", "generated_text"),
    "hugging-face": (None, {"stream": True}, "token.text", "generated_text"),
}


def user(prompt):
    return [{"role": "user", "content": prompt}]


def follow(value, path):
    for key in path.split(".") if path else ():
        try:
            value = value[int(key) if isinstance(value, list) else key]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return value


def call_whole(prompt):
    path, body, place = CALLS[ARGS[0]]
    response = requests.post(ROOT + path, json=body(prompt))
    response.raise_for_status()
    return str(follow(response.json(), place))


def call_stream(prompt):
    path, more, place, end = STREAMS[ARGS[0]]
    text, last = "", ""
    with requests.post(ROOT + (path or CALLS[ARGS[0]][0]), json={**CALLS[ARGS[0]][1](prompt), **more},
                       stream=True) as response:
        response.raise_for_status()
        for line in map(bytes.decode, response.iter_lines()):
            if not line or line.startswith("event:"):
                continue
            last = line
            event = line.removeprefix("data:").strip()
            piece = follow(json.loads(event), place) if event != "[DONE]" else None
            text += piece if isinstance(piece, str) else ""
    if end not in last:
        raise ValueError("the stream ends with " + last)
    return text


call = call_stream if ARGS[1:] else call_whole
answers = []
for i in range(5):
    answers.append(call(f"tell me about number {i}"))
    say(answers[-1])
say(call("sum up " + " / ".join(answers)))
