/*
 * The model APIs whose calls may be issued early, as one table for both sides: the shim holds a POST whose
 * path ends like a row's suffix, the engine's detector (src/detect.c) takes the row's name from here.
 * The suffix is compared with the request target's path without its query; any prefix may stand before it, ending at a '/'.
 * A new API is a new row here and its placeholder in src/placeholder.c.
 */
#ifndef XCS_APIS_H
#define XCS_APIS_H

#define XCS_MODEL_APIS(X)                                                                                              \
    X(CHAT, "openai-chat", "/chat/completions")                                                                        \
    X(COMPLETION, "openai-completion", "/completions")                                                                 \
    X(EMBEDDING, "openai-embedding", "/embeddings")

#endif
