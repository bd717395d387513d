// Has the hook, but nothing that runs children.
#include <cstdio>

#include "multiprocessing/base.hpp"

int main() { std::printf("%d processors\n", multiprocessing::cpu_count()); }
