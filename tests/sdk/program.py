#!/usr/bin/env python3
"""What a user of an SDK writes: a loop over prompts with the sync client as it comes, then a call on all the answers.

Usage: program.py SDK BASE_URL. Keys are dummies; retries and time limits are the SDK's own.
"""
import sys

SDK, URL = sys.argv[1:3]
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
PROMPTS = [f"Name {n} rivers of Europe, please." for n in NUMBERS]


def openai_chat():
    import openai
    client = openai.OpenAI(base_url=URL + "/v1", api_key="none")
    return lambda text: client.chat.completions.create(
        model="test-model", messages=[{"role": "user", "content": text}]).choices[0].message.content


def openai_response():
    import openai
    client = openai.OpenAI(base_url=URL + "/v1", api_key="none")
    return lambda text: client.responses.create(model="test-model", input=text, store=False).output_text


def openai_embedding():
    import openai
    client = openai.OpenAI(base_url=URL + "/v1", api_key="none")

    def call(text):
        vector = client.embeddings.create(model="test-model", input=text, encoding_format="float").data[0].embedding
        return " ".join(map(str, vector))
    return call


def anthropic():
    import anthropic as sdk
    client = sdk.Anthropic(base_url=URL, api_key="none")
    return lambda text: client.messages.create(
        model="test-model", max_tokens=100, system="Be brief.",
        messages=[{"role": "user", "content": text}]).content[0].text


def google():
    from google import genai
    client = genai.Client(api_key="none", http_options={"base_url": URL})
    return lambda text: client.models.generate_content(model="test-model", contents=text).text


def ollama():
    import ollama as sdk
    client = sdk.Client(host=URL)
    return lambda text: client.chat(model="test-model", messages=[{"role": "user", "content": text}]).message.content


def ollama_generate():
    import ollama as sdk
    client = sdk.Client(host=URL)
    return lambda text: client.generate(model="test-model", prompt=text).response


def litellm():
    import litellm as sdk
    return lambda text: sdk.completion(
        model="openai/test-model", api_base=URL + "/v1", api_key="none",
        messages=[{"role": "user", "content": text}]).choices[0].message.content


def langchain():
    from langchain_openai import ChatOpenAI
    model = ChatOpenAI(model="test-model", base_url=URL + "/v1", api_key="none")
    return lambda text: model.invoke(text).content


def streamed(pieces, text_of):
    """What a program that shows pieces as they come does, all in one."""
    return "".join(text_of(piece) or "" for piece in pieces)


def openai_chat_stream():
    import openai
    client = openai.OpenAI(base_url=URL + "/v1", api_key="none")
    return lambda text: streamed(client.chat.completions.create(
        model="test-model", messages=[{"role": "user", "content": text}], stream=True,
        stream_options={"include_usage": True}), lambda c: c.choices[0].delta.content if c.choices else "")


def openai_response_stream():
    import openai
    client = openai.OpenAI(base_url=URL + "/v1", api_key="none")

    def call(text):
        with client.responses.stream(model="test-model", input=text, store=False) as stream:
            pieces = streamed(stream, lambda e: e.delta if e.type == "response.output_text.delta" else "")
            assert stream.get_final_response().output_text == pieces
            return pieces
    return call


def anthropic_stream():
    import anthropic as sdk
    client = sdk.Anthropic(base_url=URL, api_key="none")

    def call(text):
        with client.messages.stream(model="test-model", max_tokens=100,
                                    messages=[{"role": "user", "content": text}]) as stream:
            pieces = "".join(stream.text_stream)
            assert stream.get_final_message().content[0].text == pieces
            return pieces
    return call


def google_stream():
    from google import genai
    client = genai.Client(api_key="none", http_options={"base_url": URL})
    return lambda text: streamed(client.models.generate_content_stream(model="test-model", contents=text),
                                 lambda c: c.text)


def ollama_stream():
    import ollama as sdk
    client = sdk.Client(host=URL)
    return lambda text: streamed(client.chat(model="test-model", messages=[{"role": "user", "content": text}],
                                             stream=True), lambda c: c.message.content)


def langchain_stream():
    from langchain_openai import ChatOpenAI
    model = ChatOpenAI(model="test-model", base_url=URL + "/v1", api_key="none")
    return lambda text: streamed(model.stream(text), lambda c: c.content)


def cohere():
    import cohere as sdk
    client = sdk.ClientV2(api_key="none", base_url=URL)
    return lambda text: client.chat(model="test-model",
                                    messages=[{"role": "user", "content": text}]).message.content[0].text


def cohere_stream():
    import cohere as sdk
    client = sdk.ClientV2(api_key="none", base_url=URL)
    return lambda text: streamed(
        client.chat_stream(model="test-model", messages=[{"role": "user", "content": text}]),
        lambda e: e.delta.message.content.text if e.type == "content-delta" else "")


def cohere_embedding():
    import cohere as sdk
    client = sdk.ClientV2(api_key="none", base_url=URL)
    return lambda text: str(client.embed(model="test-model", texts=[text], input_type="search_document",
                                         embedding_types=["float"]).embeddings.float_[0])


def mistral():
    from mistralai.client import Mistral
    client = Mistral(api_key="none", server_url=URL)
    return lambda text: client.chat.complete(
        model="test-model", messages=[{"role": "user", "content": text}]).choices[0].message.content


def bedrock():
    import boto3
    client = boto3.client("bedrock-runtime", endpoint_url=URL, region_name="us-east-1", aws_access_key_id="none",
                          aws_secret_access_key="none")
    return lambda text: client.converse(
        modelId="amazon.nova-lite-v1:0",
        messages=[{"role": "user", "content": [{"text": text}]}])["output"]["message"]["content"][0]["text"]


ask = globals()[SDK.replace("-", "_")]()
answers = []
for prompt in PROMPTS:
    answers.append(ask(prompt))
    print(prompt, "->", answers[-1])
print("all:", ask("Sum up: " + " / ".join(answers)))
