/* challenge.c -- a short duel, and a long one where that leaves doubt. */
#include "challenge.h"

qf_status qf_challenge_hold(const qf_challenge *c, qf_comparison *duel, bool *won)
{
    *won = false;
    QF_TRY(c->hold(c->context, QF_DUEL_SHORT, duel));
    *won = qf_comparison_won(duel);
    if (*won || !qf_comparison_leads(duel) || !c->has_time(c->context)) return QF_OK;
    QF_TRY(c->hold(c->context, QF_DUEL_LONG, duel));
    *won = qf_comparison_won(duel) || (!c->reigns && qf_comparison_leads(duel));
    return QF_OK;
}
