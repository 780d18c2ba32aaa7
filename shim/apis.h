/*
 * The model APIs whose calls may be issued early, as one table for both sides: the shim holds a POST whose
 * path ends like a row's suffix (compared with the request target's path without its query; any prefix may stand
 * before it); the engine's detector (src/detect.c) reads the rest of the row. A call belongs to the first row whose
 * suffix and keys fit.
 *
 * X(id, name, suffix, keys, unless, rules, builder)
 *   keys     that the JSON body must have, separated by blanks
 *   unless   a part of the path that makes it another API, or NULL
 *   rules    XCS_API_* below
 *   builder  the function of src/placeholder.c that makes the stand-in for its answer
 *
 * A new API is a new row here and, where its answer has a form of its own, a builder.
 */
#ifndef XCS_APIS_H
#define XCS_APIS_H

#define XCS_API_STREAMS 1u /* answers in pieces unless "stream" is false (the others: only when it is true) */
#define XCS_API_STORES 2u  /* leaves state behind unless "store" is false (the others: only when it is true) */

/* clang-format off */
#define XCS_MODEL_APIS(X)                                                                                              \
    X(CHAT, "openai-chat", "/chat/completions", "messages", NULL, 0, chat)                                             \
    X(COMPLETION, "openai-completion", "/completions", "prompt", "/chat/completions", 0, completion)                   \
    X(RESPONSE, "openai-response", "/responses", "model input", NULL, XCS_API_STORES, response)                        \
    X(MODERATION, "openai-moderation", "/moderations", "input", NULL, 0, moderation)                                   \
    X(MESSAGE, "anthropic-message", "/messages", "model messages max_tokens", "/threads/", 0, message)                 \
    X(GENERATE, "google-generate", ":generateContent", "contents", NULL, 0, candidates)                                \
    X(EMBED_CONTENT, "google-embed", ":embedContent", "content", NULL, 0, values)                                      \
    X(EMBED_CONTENTS, "google-embed-batch", ":batchEmbedContents", "requests", NULL, 0, values_list)                   \
    X(OLLAMA_CHAT, "ollama-chat", "/api/chat", "model messages", NULL, XCS_API_STREAMS, ollama_chat)                   \
    X(OLLAMA_GENERATE, "ollama-generate", "/api/generate", "model prompt", NULL, XCS_API_STREAMS, ollama_generate)     \
    X(OLLAMA_EMBED, "ollama-embed", "/api/embed", "model input", NULL, 0, ollama_embed)                                \
    X(OLLAMA_EMBEDDING, "ollama-embedding", "/api/embeddings", "model prompt", NULL, 0, ollama_embedding)              \
    X(EMBEDDING, "openai-embedding", "/embeddings", "input", NULL, 0, embedding)
/* clang-format on */

#endif
