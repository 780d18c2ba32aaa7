"""An ordinary sequential program: a summary of each document, then one of all of them. It knows nothing of XCS."""

import sys

import requests

session = requests.Session()


def ask(prompt):
    answer = session.post(
        sys.argv[1] + "/v1/chat/completions",
        json={"model": "demo", "messages": [{"role": "user", "content": prompt}]},
    )
    answer.raise_for_status()
    return " ".join(answer.json()["choices"][0]["message"]["content"].split())


summaries = []
for number in range(1, 17):
    summary = ask(f"Summarise document {number}.")
    print(f"{number:2}: {summary[:60]}")
    summaries.append(summary)

print("all:", ask("Summarise these summaries:\n" + "\n".join(summaries))[:60])
