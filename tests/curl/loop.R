# Model calls with R: URL PACKAGE. RCurl performs on one easy handle; the curl package drives a multi handle of its own.
arguments <- commandArgs(trailingOnly = TRUE)
url <- paste0(arguments[1], "/chat/completions")
headers <- c("Content-Type" = "application/json", Authorization = "Bearer test-key")

body <- function(i)
    sprintf("{\"model\": \"test-model\", \"messages\": [{\"role\": \"user\", \"content\": \"question %d\"}]}", i)

content <- function(text) sub(".*\"content\":\"([^\"]*)\".*", "\\1", text)

ask <- list(
    RCurl = function(i) RCurl::postForm(url, .opts = list(postfields = body(i), httpheader = headers)),
    curl = function(i) {
        handle <- curl::new_handle(postfields = body(i))
        do.call(curl::handle_setheaders, c(list(handle), as.list(headers)))
        rawToChar(curl::curl_fetch_memory(url, handle)$content)
    }
)[[arguments[2]]]

for (i in 0:5)
    cat(content(ask(i)), "\n")
