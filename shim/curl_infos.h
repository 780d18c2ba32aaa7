/*
 * What a transfer tells of itself (CURLINFO_*), as one table for both sides: the engine records each for a call that it made in a
 * program's place, and the shim answers curl_easy_getinfo from that. What is not here is a property of the program's own handle
 * (its private pointer, its cookies, its sockets), which answers itself.
 */
#ifndef XCS_CURL_INFOS_H
#define XCS_CURL_INFOS_H

/* clang-format off */
#define XCS_CURL_INFOS(X)                                                                                              \
    X(EFFECTIVE_URL) X(EFFECTIVE_METHOD) X(RESPONSE_CODE) X(HTTP_CONNECTCODE) X(HTTP_VERSION) X(SCHEME) X(PROTOCOL)    \
    X(CONTENT_TYPE) X(REDIRECT_URL) X(REDIRECT_COUNT) X(REDIRECT_TIME) X(REDIRECT_TIME_T) X(REFERER) X(RETRY_AFTER)    \
    X(TOTAL_TIME) X(TOTAL_TIME_T) X(NAMELOOKUP_TIME) X(NAMELOOKUP_TIME_T) X(CONNECT_TIME) X(CONNECT_TIME_T)            \
    X(APPCONNECT_TIME) X(APPCONNECT_TIME_T) X(PRETRANSFER_TIME) X(PRETRANSFER_TIME_T)                                  \
    X(STARTTRANSFER_TIME) X(STARTTRANSFER_TIME_T)                                                                      \
    X(SIZE_UPLOAD) X(SIZE_UPLOAD_T) X(SIZE_DOWNLOAD) X(SIZE_DOWNLOAD_T) X(SPEED_DOWNLOAD) X(SPEED_DOWNLOAD_T)          \
    X(SPEED_UPLOAD) X(SPEED_UPLOAD_T) X(HEADER_SIZE) X(REQUEST_SIZE)                                                   \
    X(CONTENT_LENGTH_DOWNLOAD) X(CONTENT_LENGTH_DOWNLOAD_T) X(CONTENT_LENGTH_UPLOAD) X(CONTENT_LENGTH_UPLOAD_T)        \
    X(SSL_VERIFYRESULT) X(PROXY_SSL_VERIFYRESULT) X(FILETIME) X(FILETIME_T) X(HTTPAUTH_AVAIL) X(PROXYAUTH_AVAIL)       \
    X(OS_ERRNO) X(NUM_CONNECTS) X(CONDITION_UNMET) X(PROXY_ERROR)                                                      \
    X(PRIMARY_IP) X(PRIMARY_PORT) X(LOCAL_IP) X(LOCAL_PORT)                                                            \
    X(FTP_ENTRY_PATH) X(RTSP_SESSION_ID) X(RTSP_CLIENT_CSEQ) X(RTSP_SERVER_CSEQ) X(RTSP_CSEQ_RECV)
/* clang-format on */

#endif
