/*
 * Opens a library that only this program's own run path finds: the dynamic linker must see who asks for it.
 */
#include <dlfcn.h>
#include <stdio.h>

int main(void) {
    void *library = dlopen("ISO8859-15.so", RTLD_NOW);
    printf("%s\n", library ? "found" : dlerror());
    return library ? 0 : 1;
}
