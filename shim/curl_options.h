/*
 * libcurl's options as one table for both sides: what the shim does with each, and so which of them the engine lets itself be
 * told (src/dispatch_curl.c). An option that is not here makes its handle's calls opaque: they pass untouched.
 *
 * X(name, treatment)
 *   CARRY    part of the call: the engine's transfer gets it with the same value
 *   PATH     the same, a file: only an absolute name means the same file to the engine (or a key's hash, sha256//)
 *   LOCAL    used here when an answer is delivered (curl_deliver.c)
 *   NEUTRAL  cannot change what a call of an HTTP API gives, or only how its connection is kept
 *   OFF      neutral as long as it is zero or NULL, else opaque
 *   CODE     treated by code of its own (curl_handle.c, curl_render.c): URL, method and body
 *
 * The values' types follow from the options' numbers (CURLOPTTYPE_*), but for the lists: CARRY_LIST.
 */
#ifndef XCS_CURL_OPTIONS_H
#define XCS_CURL_OPTIONS_H

/* clang-format off */
#define XCS_CURL_OPTIONS(X)                                                                                            \
    X(URL, CODE) X(CURLU, CODE) X(POST, CODE) X(HTTPGET, CODE) X(NOBODY, CODE) X(UPLOAD, CODE) X(PUT, CODE)            \
    X(POSTFIELDS, CODE) X(COPYPOSTFIELDS, CODE) X(POSTFIELDSIZE, CODE) X(POSTFIELDSIZE_LARGE, CODE)                    \
    X(HTTPPOST, CODE) X(MIMEPOST, CODE) X(HTTPHEADER, CODE) X(PROXY, CODE) X(NOPROXY, CODE)                            \
    X(CAINFO, CODE) X(CAPATH, CODE)                                                                                    \
                                                                                                                       \
    X(CUSTOMREQUEST, CARRY) X(USERAGENT, CARRY) X(REFERER, CARRY) X(COOKIE, CARRY) X(ACCEPT_ENCODING, CARRY)           \
    X(TRANSFER_ENCODING, CARRY) X(HTTP_TRANSFER_DECODING, CARRY) X(HTTP_CONTENT_DECODING, CARRY)                       \
    X(HTTP_VERSION, CARRY) X(HTTP09_ALLOWED, CARRY) X(IGNORE_CONTENT_LENGTH, CARRY) X(PATH_AS_IS, CARRY)               \
    X(EXPECT_100_TIMEOUT_MS, CARRY) X(STREAM_WEIGHT, CARRY) X(MAXFILESIZE, CARRY) X(MAXFILESIZE_LARGE, CARRY)          \
    X(PROTOCOLS, CARRY) X(PROTOCOLS_STR, CARRY) X(DEFAULT_PROTOCOL, CARRY) X(PORT, CARRY)                              \
    X(DISALLOW_USERNAME_IN_URL, CARRY) X(HTTP200ALIASES, CARRY_LIST)                                                   \
    X(FOLLOWLOCATION, CARRY) X(MAXREDIRS, CARRY) X(POSTREDIR, CARRY) X(AUTOREFERER, CARRY)                             \
    X(UNRESTRICTED_AUTH, CARRY) X(REDIR_PROTOCOLS, CARRY) X(REDIR_PROTOCOLS_STR, CARRY)                                \
    X(USERPWD, CARRY) X(USERNAME, CARRY) X(PASSWORD, CARRY) X(HTTPAUTH, CARRY) X(XOAUTH2_BEARER, CARRY)                \
    X(LOGIN_OPTIONS, CARRY) X(AWS_SIGV4, CARRY)                                                                        \
    X(TIMEOUT, CARRY) X(TIMEOUT_MS, CARRY) X(CONNECTTIMEOUT, CARRY) X(CONNECTTIMEOUT_MS, CARRY)                        \
    X(LOW_SPEED_LIMIT, CARRY) X(LOW_SPEED_TIME, CARRY) X(SERVER_RESPONSE_TIMEOUT, CARRY)                               \
    X(MAX_RECV_SPEED_LARGE, CARRY) X(MAX_SEND_SPEED_LARGE, CARRY)                                                      \
    X(IPRESOLVE, CARRY) X(RESOLVE, CARRY_LIST) X(CONNECT_TO, CARRY_LIST) X(INTERFACE, CARRY)                           \
    X(HAPPY_EYEBALLS_TIMEOUT_MS, CARRY) X(DNS_SHUFFLE_ADDRESSES, CARRY) X(ADDRESS_SCOPE, CARRY)                        \
    X(PRE_PROXY, CARRY) X(PROXYPORT, CARRY) X(PROXYTYPE, CARRY) X(PROXYUSERPWD, CARRY) X(PROXYUSERNAME, CARRY)         \
    X(PROXYPASSWORD, CARRY) X(PROXYAUTH, CARRY) X(PROXYHEADER, CARRY_LIST) X(HEADEROPT, CARRY)                         \
    X(HTTPPROXYTUNNEL, CARRY) X(SUPPRESS_CONNECT_HEADERS, CARRY) X(HAPROXYPROTOCOL, CARRY) X(SOCKS5_AUTH, CARRY)       \
    X(SSL_VERIFYPEER, CARRY) X(SSL_VERIFYHOST, CARRY) X(SSL_VERIFYSTATUS, CARRY) X(CAINFO_BLOB, CARRY)                 \
    X(CRLFILE, PATH) X(ISSUERCERT, PATH) X(ISSUERCERT_BLOB, CARRY) X(PINNEDPUBLICKEY, PATH)                            \
    X(SSLVERSION, CARRY) X(SSL_CIPHER_LIST, CARRY) X(TLS13_CIPHERS, CARRY) X(SSL_EC_CURVES, CARRY)                     \
    X(SSL_OPTIONS, CARRY) X(SSL_ENABLE_ALPN, CARRY) X(SSL_FALSESTART, CARRY) X(CERTINFO, CARRY)                                           \
    X(PROXY_CAINFO, PATH) X(PROXY_CAPATH, PATH) X(PROXY_CAINFO_BLOB, CARRY) X(PROXY_CRLFILE, PATH)                     \
    X(PROXY_ISSUERCERT, PATH) X(PROXY_ISSUERCERT_BLOB, CARRY) X(PROXY_PINNEDPUBLICKEY, PATH)                           \
    X(PROXY_SSL_VERIFYPEER, CARRY) X(PROXY_SSL_VERIFYHOST, CARRY) X(PROXY_SSLVERSION, CARRY)                           \
    X(PROXY_SSL_CIPHER_LIST, CARRY) X(PROXY_TLS13_CIPHERS, CARRY) X(PROXY_SSL_OPTIONS, CARRY)                          \
                                                                                                                       \
    X(WRITEFUNCTION, LOCAL) X(WRITEDATA, LOCAL) X(HEADERFUNCTION, LOCAL) X(HEADERDATA, LOCAL) X(HEADER, LOCAL)         \
    X(ERRORBUFFER, LOCAL) X(NOPROGRESS, LOCAL) X(PROGRESSFUNCTION, LOCAL) X(XFERINFOFUNCTION, LOCAL)                   \
    X(XFERINFODATA, LOCAL) X(BUFFERSIZE, LOCAL)                                                                        \
                                                                                                                       \
    X(PRIVATE, NEUTRAL) X(NOSIGNAL, NEUTRAL) X(SHARE, NEUTRAL) X(FAILONERROR, NEUTRAL)                                 \
    X(KEEP_SENDING_ON_ERROR, NEUTRAL) X(UPLOAD_BUFFERSIZE, NEUTRAL) X(STDERR, NEUTRAL) X(DEBUGFUNCTION, NEUTRAL)       \
    X(DEBUGDATA, NEUTRAL) X(READFUNCTION, NEUTRAL) X(READDATA, NEUTRAL) X(SEEKFUNCTION, NEUTRAL)                       \
    X(SEEKDATA, NEUTRAL) X(IOCTLFUNCTION, NEUTRAL) X(IOCTLDATA, NEUTRAL) X(TCP_NODELAY, NEUTRAL)                       \
    X(TCP_KEEPALIVE, NEUTRAL) X(TCP_KEEPIDLE, NEUTRAL) X(TCP_KEEPINTVL, NEUTRAL) X(TCP_FASTOPEN, NEUTRAL)              \
    X(MAXCONNECTS, NEUTRAL) X(FRESH_CONNECT, NEUTRAL) X(FORBID_REUSE, NEUTRAL) X(MAXAGE_CONN, NEUTRAL)                 \
    X(MAXLIFETIME_CONN, NEUTRAL) X(UPKEEP_INTERVAL_MS, NEUTRAL) X(PIPEWAIT, NEUTRAL) X(CA_CACHE_TIMEOUT, NEUTRAL)      \
    X(DNS_CACHE_TIMEOUT, NEUTRAL) X(DNS_USE_GLOBAL_CACHE, NEUTRAL) X(SSL_SESSIONID_CACHE, NEUTRAL)                     \
    X(SSL_ENABLE_NPN, NEUTRAL) X(QUICK_EXIT, NEUTRAL) X(SOCKOPTDATA, NEUTRAL) X(OPENSOCKETDATA, NEUTRAL)               \
    X(CLOSESOCKETDATA, NEUTRAL) X(SSL_CTX_DATA, NEUTRAL) X(PREREQDATA, NEUTRAL) X(COOKIESESSION, NEUTRAL)              \
    X(RANDOM_FILE, NEUTRAL) X(EGDSOCKET, NEUTRAL) X(INFILESIZE, NEUTRAL) X(INFILESIZE_LARGE, NEUTRAL)                  \
    X(DOH_SSL_VERIFYPEER, NEUTRAL) X(DOH_SSL_VERIFYHOST, NEUTRAL) X(DOH_SSL_VERIFYSTATUS, NEUTRAL)                     \
    X(HSTSREADDATA, NEUTRAL) X(HSTSWRITEDATA, NEUTRAL)                                                                    \
    /* of other protocols */                                                                                           \
    X(TRANSFERTEXT, NEUTRAL) X(DIRLISTONLY, NEUTRAL) X(APPEND, NEUTRAL) X(FTPPORT, NEUTRAL) X(QUOTE, NEUTRAL)          \
    X(POSTQUOTE, NEUTRAL) X(PREQUOTE, NEUTRAL) X(FTP_USE_EPSV, NEUTRAL) X(FTP_USE_EPRT, NEUTRAL)                       \
    X(FTP_USE_PRET, NEUTRAL) X(FTP_CREATE_MISSING_DIRS, NEUTRAL) X(FTP_FILEMETHOD, NEUTRAL)                            \
    X(FTP_SKIP_PASV_IP, NEUTRAL) X(FTP_ACCOUNT, NEUTRAL) X(FTP_ALTERNATIVE_TO_USER, NEUTRAL)                           \
    X(FTP_SSL_CCC, NEUTRAL) X(FTPSSLAUTH, NEUTRAL) X(USE_SSL, NEUTRAL) X(KRBLEVEL, NEUTRAL)                            \
    X(TELNETOPTIONS, NEUTRAL) X(MAIL_FROM, NEUTRAL) X(MAIL_RCPT, NEUTRAL) X(MAIL_AUTH, NEUTRAL)                        \
    X(MAIL_RCPT_ALLLOWFAILS, NEUTRAL) X(SASL_IR, NEUTRAL) X(SASL_AUTHZID, NEUTRAL) X(TFTP_BLKSIZE, NEUTRAL)            \
    X(TFTP_NO_OPTIONS, NEUTRAL) X(SSH_AUTH_TYPES, NEUTRAL) X(SSH_PUBLIC_KEYFILE, NEUTRAL)                              \
    X(SSH_PRIVATE_KEYFILE, NEUTRAL) X(SSH_HOST_PUBLIC_KEY_MD5, NEUTRAL) X(SSH_HOST_PUBLIC_KEY_SHA256, NEUTRAL)         \
    X(SSH_KNOWNHOSTS, NEUTRAL) X(SSH_COMPRESSION, NEUTRAL) X(SSH_KEYFUNCTION, NEUTRAL) X(SSH_KEYDATA, NEUTRAL)         \
    X(SSH_HOSTKEYFUNCTION, NEUTRAL) X(SSH_HOSTKEYDATA, NEUTRAL) X(INTERLEAVEFUNCTION, NEUTRAL)                         \
    X(INTERLEAVEDATA, NEUTRAL) X(RTSP_REQUEST, NEUTRAL) X(RTSP_SESSION_ID, NEUTRAL) X(RTSP_STREAM_URI, NEUTRAL)        \
    X(RTSP_TRANSPORT, NEUTRAL) X(RTSP_CLIENT_CSEQ, NEUTRAL) X(RTSP_SERVER_CSEQ, NEUTRAL)                               \
    X(NEW_FILE_PERMS, NEUTRAL) X(NEW_DIRECTORY_PERMS, NEUTRAL) X(ACCEPTTIMEOUT_MS, NEUTRAL)                            \
    X(PROXY_TRANSFER_MODE, NEUTRAL) X(KEYPASSWD, NEUTRAL) X(PROXY_KEYPASSWD, NEUTRAL)                                  \
    X(SSLCERTTYPE, NEUTRAL) X(SSLKEYTYPE, NEUTRAL) X(PROXY_SSLCERTTYPE, NEUTRAL) X(PROXY_SSLKEYTYPE, NEUTRAL)          \
                                                                                                                       \
    X(VERBOSE, OFF) X(RANGE, OFF) X(RESUME_FROM, OFF) X(RESUME_FROM_LARGE, OFF) X(TIMECONDITION, OFF)                  \
    X(TIMEVALUE, OFF) X(TIMEVALUE_LARGE, OFF) X(COOKIEFILE, OFF) X(COOKIEJAR, OFF) X(COOKIELIST, OFF)                  \
    X(NETRC, OFF) X(NETRC_FILE, OFF) X(CONNECT_ONLY, OFF) X(FILETIME, OFF) X(CRLF, OFF)               \
    X(SSLCERT, OFF) X(SSLKEY, OFF) X(SSLENGINE, OFF) X(SSLCERT_BLOB, OFF) X(SSLKEY_BLOB, OFF)                          \
    X(PROXY_SSLCERT, OFF) X(PROXY_SSLKEY, OFF) X(PROXY_SSLCERT_BLOB, OFF) X(PROXY_SSLKEY_BLOB, OFF)                    \
    X(TLSAUTH_USERNAME, OFF) X(TLSAUTH_PASSWORD, OFF) X(TLSAUTH_TYPE, OFF) X(PROXY_TLSAUTH_USERNAME, OFF)              \
    X(PROXY_TLSAUTH_PASSWORD, OFF) X(PROXY_TLSAUTH_TYPE, OFF) X(SSL_CTX_FUNCTION, OFF) X(SOCKOPTFUNCTION, OFF)         \
    X(OPENSOCKETFUNCTION, OFF) X(CLOSESOCKETFUNCTION, OFF) X(PREREQFUNCTION, OFF) X(RESOLVER_START_FUNCTION, OFF)      \
    X(RESOLVER_START_DATA, NEUTRAL) X(TRAILERFUNCTION, OFF) X(TRAILERDATA, NEUTRAL) X(REQUEST_TARGET, OFF)             \
    X(LOCALPORT, OFF) X(LOCALPORTRANGE, OFF) X(DNS_SERVERS, OFF) X(DNS_INTERFACE, OFF) X(DNS_LOCAL_IP4, OFF)           \
    X(DNS_LOCAL_IP6, OFF) X(DOH_URL, OFF) X(ALTSVC, OFF) X(ALTSVC_CTRL, OFF) X(HSTS, OFF) X(HSTS_CTRL, OFF)            \
    X(HSTSREADFUNCTION, OFF) X(HSTSWRITEFUNCTION, OFF) X(GSSAPI_DELEGATION, OFF) X(SERVICE_NAME, OFF)                  \
    X(PROXY_SERVICE_NAME, OFF) X(SOCKS5_GSSAPI_NEC, OFF) X(STREAM_DEPENDS, OFF) X(STREAM_DEPENDS_E, OFF)               \
    X(WILDCARDMATCH, OFF) X(CHUNK_BGN_FUNCTION, OFF) X(CHUNK_END_FUNCTION, OFF) X(FNMATCH_FUNCTION, OFF)               \
    X(CHUNK_DATA, NEUTRAL) X(FNMATCH_DATA, NEUTRAL) X(MIME_OPTIONS, NEUTRAL) X(WS_OPTIONS, NEUTRAL)                   \
    X(UNIX_SOCKET_PATH, OFF) X(ABSTRACT_UNIX_SOCKET, OFF) X(SSLENGINE_DEFAULT, OFF) X(SOCKS5_GSSAPI_SERVICE, OFF)      \
    X(CONV_FROM_NETWORK_FUNCTION, OFF) X(CONV_TO_NETWORK_FUNCTION, OFF) X(CONV_FROM_UTF8_FUNCTION, OFF)
/* clang-format on */

enum curl_treatment {
    CURL_OPAQUE = 0,
    CURL_CARRY,
    CURL_CARRY_LIST,
    CURL_PATH,
    CURL_LOCAL,
    CURL_NEUTRAL,
    CURL_OFF,
    CURL_CODE
};

/* Libcurl numbers its options from 1; no two have the same number, whatever their types. */
#define XCS_CURL_OPTION_END 400
#define XCS_CURL_NUMBER(option) ((unsigned)(option) % 10000u)
#define XCS_CURL_TYPE(option) ((int)(option) / 10000 * 10000)

#endif
