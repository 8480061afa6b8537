#include "app/exchange.h"
#define adit_carrier_agent adit_carrier_v2
