/* db_verbs.h -- what the verbs of `qforge db` share. */
#ifndef QF_CLI_DB_VERBS_H
#define QF_CLI_DB_VERBS_H

#include "command.h"
#include "places.h"
#include "qforge/store.h"

#define CLI_DB_VERB(name, summary) cli_command cli_db_##name;
#include "db_verbs.def"
#undef CLI_DB_VERB

/* Opens the ledger an option names, or the user's own; QF_NOT_FOUND with a sentence when
 * reading finds none. */
QF_MUST_CHECK qf_status cli_db_open(const char *ledger, qf_store_mode mode,
                                    char path[CLI_PATH_MAX], qf_store **store);

#endif
