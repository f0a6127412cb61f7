/* An add-on of Node.js as a native package brings it, by N-API: an object with one text. The
   functions are declared here as node_api.h does, so that no headers are needed. */
#include <stddef.h>

typedef void *napi_env, *napi_value;
int napi_create_string_utf8(napi_env env, const char *text, size_t length, napi_value *result);
int napi_set_named_property(napi_env env, napi_value object, const char *name, napi_value value);

__attribute__((visibility("default")))
napi_value napi_register_module_v1(napi_env env, napi_value exports) {
    napi_value text;
    napi_create_string_utf8(env, "from the add-on", (size_t)-1, &text);
    napi_set_named_property(env, exports, "hello", text);
    return exports;
}
