// Everything that `import multiprocessing` gives.
#pragma once

#include "multiprocessing/base.hpp"
