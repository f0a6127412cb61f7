/* A module that tells with which version of Python's headers it was compiled. */
#include <Python.h>

static PyObject *version(PyObject *self, PyObject *args) { return PyUnicode_FromString(PY_VERSION); }

static PyMethodDef methods[] = {{"version", version, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fit", NULL, -1, methods};

PyMODINIT_FUNC PyInit_fit(void) { return PyModule_Create(&module); }
