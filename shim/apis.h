/*
 * The model APIs whose calls may be issued early, as one table for both sides: the shim holds a POST whose
 * path fits a row; the engine's detector (src/detect.c) reads the rest of the row. A call belongs to the first row whose path
 * and keys fit.
 *
 * X(id, name, path, keys, unless, rules, builder, stream)
 *   path     what the request target's path (without its query) ends in: any prefix may stand before it, and a star stands
 *            for any text
 *   keys     that the JSON body must have, separated by blanks
 *   unless   a part of the path that makes it another API, or NULL
 *   rules    XCS_API_* below
 *   builder  the function of src/placeholder_*.c that makes the stand-in for its answer
 *   stream   the form of its answer in pieces; a call that asks for one where none is known is left alone
 *
 * A new API is a new row here and, where its answer has a form of its own, a builder.
 */
#ifndef XCS_APIS_H
#define XCS_APIS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define XCS_API_STREAMS 1u     /* answers in pieces unless "stream" is false (the others: only when it is true) */
#define XCS_API_STORES 2u      /* leaves state behind unless "store" is false (the others: only when it is true) */
#define XCS_API_STREAM_ONLY 4u /* always answers in pieces */

/* Forms of answers in pieces. */
enum xcs_stream {
    XCS_STREAM_NONE,
    XCS_STREAM_CHAT,
    XCS_STREAM_COMPLETION,
    XCS_STREAM_RESPONSE,
    XCS_STREAM_MESSAGE,
    XCS_STREAM_GOOGLE,
    XCS_STREAM_OLLAMA,
    XCS_STREAM_LLAMA,
    XCS_STREAM_COHERE,
    XCS_STREAM_COHERE_1,
    XCS_STREAM_TGI
};

/* clang-format off */
#define XCS_MODEL_APIS(X)                                                                                                  \
    X(CHAT, "openai-chat", "/chat/completions", "messages", NULL, 0, chat, XCS_STREAM_CHAT)                                \
    X(FIM, "mistral-fim", "/fim/completions", "model prompt", NULL, 0, chat, XCS_STREAM_CHAT)                              \
    X(COMPLETION, "openai-completion", "/completions", "prompt", "/chat/completions", 0, completion, XCS_STREAM_COMPLETION) \
    X(RESPONSE, "openai-response", "/responses", "model input", NULL, XCS_API_STORES, response, XCS_STREAM_RESPONSE)       \
    X(MODERATION, "openai-moderation", "/moderations", "input", NULL, 0, moderation, XCS_STREAM_NONE)                      \
    X(IMAGE, "openai-image", "/images/generations", "prompt", NULL, 0, image, XCS_STREAM_NONE)                             \
    X(MESSAGE, "anthropic-message", "/messages", "model messages max_tokens", "/threads/", 0, message, XCS_STREAM_MESSAGE) \
    X(GENERATE, "google-generate", ":generateContent", "contents", NULL, 0, candidates, XCS_STREAM_NONE)                   \
    X(STREAM_GENERATE, "google-stream", ":streamGenerateContent", "contents", NULL, XCS_API_STREAM_ONLY, candidates,       \
      XCS_STREAM_GOOGLE)                                                                                                   \
    X(EMBED_CONTENT, "google-embed", ":embedContent", "content", NULL, 0, values, XCS_STREAM_NONE)                         \
    X(EMBED_CONTENTS, "google-embed-batch", ":batchEmbedContents", "requests", NULL, 0, values_list, XCS_STREAM_NONE)      \
    X(OLLAMA_CHAT, "ollama-chat", "/api/chat", "model messages", NULL, XCS_API_STREAMS, ollama_chat, XCS_STREAM_OLLAMA)    \
    X(OLLAMA_GENERATE, "ollama-generate", "/api/generate", "model prompt", NULL, XCS_API_STREAMS, ollama_generate,         \
      XCS_STREAM_OLLAMA)                                                                                                   \
    X(OLLAMA_EMBED, "ollama-embed", "/api/embed", "model input", NULL, 0, ollama_embed, XCS_STREAM_NONE)                   \
    X(OLLAMA_EMBEDDING, "ollama-embedding", "/api/embeddings", "model prompt", NULL, 0, ollama_embedding, XCS_STREAM_NONE) \
    X(EMBEDDING, "openai-embedding", "/embeddings", "input", NULL, 0, embedding, XCS_STREAM_NONE)                          \
    X(LLAMA, "llama-completion", "/completion", "prompt", NULL, 0, llama, XCS_STREAM_LLAMA)                                \
    X(LLAMA_INFILL, "llama-infill", "/infill", "input_prefix input_suffix", NULL, 0, llama, XCS_STREAM_LLAMA)              \
    X(LLAMA_EMBEDDING, "llama-embedding", "/embedding", "content", NULL, 0, llama_embedding, XCS_STREAM_NONE)              \
    X(RERANK, "rerank", "/rerank", "query documents", NULL, 0, rerank, XCS_STREAM_NONE)                                    \
    X(COHERE_CHAT, "cohere-chat", "/v2/chat", "model messages", NULL, 0, cohere_chat, XCS_STREAM_COHERE)                   \
    X(COHERE_CHAT_1, "cohere-chat-1", "/v1/chat", "message", NULL, 0, cohere_chat_1, XCS_STREAM_COHERE_1)                  \
    X(COHERE_EMBED, "cohere-embed", "/v2/embed", "model input_type", NULL, 0, cohere_embed, XCS_STREAM_NONE)               \
    X(COHERE_EMBED_1, "cohere-embed-1", "/v1/embed", "texts", NULL, 0, cohere_embed_1, XCS_STREAM_NONE)                    \
    X(TGI, "tgi-generate", "/generate", "inputs", NULL, 0, tgi, XCS_STREAM_TGI)                                            \
    X(TGI_STREAM, "tgi-stream", "/generate_stream", "inputs", NULL, XCS_API_STREAM_ONLY, tgi, XCS_STREAM_TGI)              \
    X(HUGGING_FACE_VECTORS, "hf-features", "/models/*/pipeline/feature-extraction", "inputs", NULL, 0, features,           \
      XCS_STREAM_NONE)                                                                                                     \
    X(HUGGING_FACE, "hf-inference", "/models/*", "inputs", NULL, 0, generated, XCS_STREAM_TGI)                             \
    X(CONVERSE, "bedrock-converse", "/model/*/converse", "messages", NULL, 0, converse, XCS_STREAM_NONE)                   \
    X(BEDROCK_CLAUDE, "bedrock-claude", "/model/*/invoke", "anthropic_version messages", NULL, 0, message, XCS_STREAM_NONE) \
    X(BEDROCK_NOVA, "bedrock-nova", "/model/*/invoke", "messages", NULL, 0, converse, XCS_STREAM_NONE)                     \
    X(BEDROCK_VECTOR, "bedrock-titan-embed", "/model/*embed*/invoke", "inputText", NULL, 0, titan_embed, XCS_STREAM_NONE)  \
    X(BEDROCK_TITAN, "bedrock-titan", "/model/*/invoke", "inputText", NULL, 0, titan, XCS_STREAM_NONE)                     \
    X(BEDROCK_COHERE, "bedrock-cohere-embed", "/model/*/invoke", "texts input_type", NULL, 0, cohere_embed_1,              \
      XCS_STREAM_NONE)                                                                                                     \
    X(BEDROCK_LLAMA, "bedrock-llama", "/model/*meta.llama*/invoke", "prompt", NULL, 0, bedrock_llama, XCS_STREAM_NONE)     \
    X(BEDROCK_MISTRAL, "bedrock-mistral", "/model/*mistral.*/invoke", "prompt", NULL, 0, bedrock_mistral, XCS_STREAM_NONE)
/* clang-format on */

/* Does a path of n bytes fit a row's? From the end: what stands between two stars is taken where it occurs last. */
static inline bool xcs_path_fits(const char *path, size_t n, const char *pattern) {
    size_t left = strlen(pattern);
    for (bool star = false;; star = true) {
        size_t piece = left;
        while (piece > 0 && pattern[piece - 1] != '*')
            piece--;
        size_t len = left - piece;
        if (n < len)
            return false;
        n -= len;
        while (memcmp(path + n, pattern + piece, len) != 0)
            if (!star || n-- == 0)
                return false;
        if (piece == 0)
            return true;
        left = piece - 1;
    }
}

#endif
