/*
 * The forms in which the test model server answers: one function for each API, and what they share. As far as a client can see, the
 * services' own. Nothing here may depend on the clock or on anything but the arguments: tests compare runs byte for byte.
 */
#ifndef XCS_TESTS_MODEL_FORMS_H
#define XCS_TESTS_MODEL_FORMS_H

#include "model_answer.h"
#include <jansson.h>

#define CREATED 1700000000

/* The whole answer to a call, the request's body; NULL: it is not of the API's form. A new reference. */
typedef json_t *answer_form(const struct request_view *req, const struct behaviour *how, const json_t *call);

/* model_openai.c */
answer_form answer_chat, answer_fim, answer_completion, answer_embedding, answer_response, answer_moderation,
    answer_image, answer_rerank, answer_models;

/* model_vendors.c */
answer_form answer_message, answer_generate, answer_embed_content, answer_embed_contents, answer_ollama_chat,
    answer_ollama_generate, answer_ollama_embed, answer_ollama_embedding, answer_llama, answer_llama_embedding,
    answer_cohere_chat, answer_cohere_chat_1, answer_cohere_embed, answer_tgi, answer_generated, answer_features,
    answer_converse, answer_titan, answer_titan_embed, answer_bedrock_llama, answer_bedrock_mistral;

/* model_text.c: the answer to `prompt`: hash words, the prompt's start, and padding up to the size asked for. The caller frees it. */
char *answer_text(const struct request_view *req, const struct behaviour *how, const char *prompt, size_t choice);
json_t *text_of(const struct request_view *req, const struct behaviour *how, const char *prompt);

/* The text of a message's content, a string or a list of parts; and of the last message that is the user's. */
const char *content_text(const json_t *content);
const char *last_user_text(const json_t *messages);

const char *model_of(const json_t *call);
json_t *id_of(const struct request_view *req, const char *prefix);

/* The embedding of the i-th text, and those of n. */
json_t *vector_of(const struct request_view *req, size_t i);
json_t *vectors_of(const struct request_view *req, size_t n);

/* model_stream.c: the same answer in pieces, spread over half the latency. */
enum stream_form {
    STREAM_NONE,
    STREAM_CHAT,
    STREAM_COMPLETION,
    STREAM_RESPONSE,
    STREAM_MESSAGE,
    STREAM_GOOGLE,
    STREAM_OLLAMA_CHAT,
    STREAM_OLLAMA_GENERATE,
    STREAM_LLAMA,
    STREAM_COHERE,
    STREAM_COHERE_1,
    STREAM_TGI
};
void stream_make(enum stream_form form, const struct request_view *req, const struct behaviour *how, const json_t *call,
                 const json_t *whole, struct answer *out);

#endif
