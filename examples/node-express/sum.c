/* An add-on over Node-API, whose binary interface stays the same from version to version. */
#include <node_api.h>

static napi_value sum(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2], result;
  double a = 0, b = 0;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  napi_get_value_double(env, arguments[0], &a);
  napi_get_value_double(env, arguments[1], &b);
  napi_create_double(env, a + b, &result);
  return result;
}

static napi_value init(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "sum", NAPI_AUTO_LENGTH, sum, NULL, &function);
  napi_set_named_property(env, exports, "sum", function);
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
