#include "verb.h"

int main(int argc, char **argv, char **envp) { return ctl_run(argc, argv, envp); }
