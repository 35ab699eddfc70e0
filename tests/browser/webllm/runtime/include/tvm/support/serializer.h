// The wheel's sources include this name beside io.h, where all of it is.
#pragma once

#include <tvm/support/io.h>
