"""What the page says of groups, channels and trust, in English; see words_en."""

MORE: dict[str, str] = {
    # 3 groups
    "groups.title": "Which segments and stages, and how did they move?",
    "groups.answer": "Most value is with {segment}: {value}, from {customers} of the customers.",
    "groups.answer.stages": "{stage} is the largest stage ({customers} of the customers).",
    "groups.answer.moved": "{share} of the customers changed stage since {day}.",
    "groups.segment.title": "Segments",
    "groups.segment.label": "Segment",
    "groups.segment.sentence": "{label}: {customers} of the customers, {value} of the value.",
    "groups.stage.title": "Stages of a customer's life",
    "groups.stage.label": "Stage",
    "groups.stage.sentence": "{label}: {customers} of the customers, {value} of the value.",
    "groups.count.sentence": "{label} is the largest: {customers} of the customers.",
    "groups.moves.stage.title": "Moves between stages",
    "groups.moves.segment.title": "Moves between segments",
    "groups.moves.sentence": "{share} stayed where they were; the largest move is from {before} "
    "to {after}, {customers}.",
    "groups.moves.stayed": "All stayed where they were.",
    "groups.meaning": "Segments go by what customers bought until now, stages by how long each has "
    "been silent beside the own usual gap between purchases. “At risk” is a name here, no chance "
    "of leaving; that stands under “{leaving}”.",
    "groups.moves.model": "Two versions of the model put the labels, so some moves may be its own.",
    "groups.health.title": "Health by segment",
    "groups.health.sentence": "From {low} ({worst}) to {high} ({best}) on a scale of 0 to 100.",
    "groups.health.value": "Mean health, 0 to 100",
    # 4 channels
    "channels.title": "Which channels bring value?",
    "channels.answer": "{model} gives {channel} the largest share of the credit, {share}.",
    "channels.answer.cac": "A new customer costs {cac}.",
    "channels.answer.ltv": "Each is forecast to bring {ratio} times that.",
    "channels.answer.more": "No credit of channels is counted here; what is known stands below.",
    "channels.basis": "Credit is attributed, not proven: a test with a control group measures "
    "what a channel adds.",
    "channels.credit.title": "Share of credit by channel and model",
    "channels.credit.sentence": "{channel} gets {low} to {high} of the credit, depending on the "
    "model.",
    "channels.forest.title": "How sure the credit is: {model}",
    "channels.forest.sentence": "{channel} leads with {share}, between {low} and {high}.",
    "channels.forest.unsure": "{channel} leads with {share}, but its interval reaches that of "
    "{next}.",
    "channels.conversions": "{n} conversions",
    "channels.conversions.one": "{n} conversion",
    "channels.cac.title": "Cost of a new customer (CAC)",
    "channels.cac.sentence": "{low_channel} is cheapest at {low}, {high_channel} dearest at "
    "{high}.",
    "channels.cac.one": "A new customer costs {value}.",
    "channels.ltv_to_cac.title": "Lifetime value to cost (LTV:CAC)",
    "channels.ltv_to_cac.sentence": "{high_channel} returns most, {high} times its cost. "
    "{low_channel} returns least, {low} times.",
    "channels.ltv_to_cac.one": "A customer is forecast to bring {value} times its cost.",
    "channels.romi.title": "Return on marketing investment (ROMI, on revenue)",
    "channels.romi.sentence": "{high_channel} returns most, {high}; {low_channel} least, {low}.",
    "channels.romi.one": "Marketing returned {value} on its cost.",
    "channels.all": "all",
    "channels.funnel.title": "Funnel",
    "channels.funnel.sentence": "{share} of those who enter reach {last}; most are lost before "
    "{lost}.",
    "channels.funnel.step": "Step",
    "channels.funnel.units": "Reached",
    "channels.funnel.share": "Share of the first",
    "channels.funnel.window": "within {days} days of entering",
    "channels.entered": "{n} entered",
    "channels.cohorts.title": "Who came back, by month of the first order",
    "channels.cohorts.sentence": "{share} of a cohort buy again one period after their first "
    "order, on average over {n} cohorts.",
    "channels.cohorts.rows": "Cohort",
    "channels.cohorts.columns": "Periods since the first order",
    "channels.revenue.title": "Revenue a customer so far, by cohort",
    "channels.revenue.sentence": "The cohort of {cohort}, the oldest shown, has brought {value} a "
    "customer by period {age}.",
    "channels.nps.title": "Net promoter score (NPS)",
    "channels.nps.sentence": "In {period}, the latest full period, it is {value}, {low} to {high}.",
    "channels.csat.title": "Customer satisfaction (CSAT)",
    "channels.csat.sentence": "In {period}, the latest full period, it is {value}, {low} to "
    "{high}.",
    "channels.answers": "{n} answers",
    "channels.answers.one": "{n} answer",
    "channels.period": "Period",
    "channels.share": "Share of credit",
    "channels.credit.bare": "shares of all credit as the models give it: no interval",
    "channels.lookback": "{window}, contacts up to {days} days before",
    "channels.cost.n": "{customers} in all, {low} to {high} a channel",
    "channels.not_over": "The days of these figures are not over: costs and new customers of the "
    "rest are still to come.",
    "channels.no_history": "The orders begin too late to know who was new: read it as an upper "
    "end of new customers.",
    "channels.unnamed": "{n} of {all} new customers have no channel on record: what is told by "
    "channel leaves them out.",
    "channels.unnamed.one": "{n} of {all} new customers has no channel on record: what is told by "
    "channel leaves it out.",
    "channels.cohorts.bare": "shares of all customers of a cohort: no interval",
    "channels.revenue.bare": "means of all customers of a cohort: no interval",
    "channels.answers.none_full": "No period is over yet.",
    "channels.cohorts.n": "{n} cohorts",
    "channels.cohorts.n.one": "{n} cohort",
    # 5 trust
    "trust.title": "Can we trust this?",
    "trust.answer.ratio": "The long check: the value model that knew nothing of the days after "
    "{day} forecast {ratio} of the purchases of the next {days} days ({low} to {high}, 95% "
    "interval).",
    "trust.answer.grade": "The churn model is graded {grade}: {meaning}.",
    "trust.answer.none": "No check on later days is on record for these scores.",
    "grade.A": "it ranks surely better than simple rules, and its chances come true",
    "grade.B": "it ranks better than simple rules",
    "grade.C": "it is better than telling everybody the same, but not surely better than a simple "
    "rule",
    "grade.D": "it is no better than telling everybody the same chance",
    "trust.models.title": "The models behind this page",
    "trust.models.role": "Answers",
    "trust.models.name": "Model and version",
    "trust.models.learnt": "Learnt until",
    "trust.models.judged": "Checked on",
    "trust.models.found": "Found",
    "trust.models.verdict": "Verdict",
    "trust.days": "{days} days after",
    "role.value": "value",
    "role.churn": "who leaves",
    "role.segments": "segments and stages",
    "verdict.passed": "passed",
    "verdict.failed": "failed",
    "verdict.untested": "not tested",
    "verdict.forced": "promoted against its gate",
    "trust.found.value": "forecast {ratio} of purchases, AUC {auc}",
    "trust.found.churn": "grade {grade}, AUC {auc}, calibration error {ece}",
    "trust.found.segments": "the top fifth held {share} of the value forecast then",
    "trust.reliability.title": "Do the chances of leaving come true?",
    "trust.reliability.sentence": "Chances were off by {error} percentage points on average; "
    "{rate} left where {mean} was forecast.",
    "trust.reliability.x": "Forecast chance of leaving",
    "trust.reliability.y": "Share that left",
    "trust.reliability.ideal": "as forecast",
    "trust.deciles.title": "Last period's forecast against what came",
    "trust.deciles.sentence": "Between the two score tables {actual} came; the forecast was "
    "{forecast}, {ratio} of that.",
    "trust.deciles.value": "Purchase days a customer",
    "trust.churn.title": "Last period's chances of leaving against who left",
    "trust.drift.title": "Are today's customers like those that the models learnt from?",
    "trust.drift.sentence": "They differ in {n} of {all} figures, most in “{feature}”.",
    "trust.drift.still": "They are alike in all {all} figures; the most different is “{feature}”.",
    "trust.drift.value": "Difference (PSI)",
    "trust.drift.label": "Figure",
    "trust.data.title": "The data that training read (to learn and to check)",
    "trust.auc": "AUC: how often a model puts a customer who left (or bought) before one who did "
    "not; 0.5 is guessing, 1 perfect. Calibration error: how far chances were off on average; 0 is "
    "none.",
    "trust.psi": "PSI: how far today's values lie from those learnt from; 0 is alike, and from "
    "about 0.25 on they differ.",
    "trust.drift.n": "{n} of {all}: every so many are compared, and only those judged",
    "trust.data.fact": "Fact",
    "trust.data.value": "Figure",
    "trust.data.source": "source",
    "trust.data.rows_in": "rows in",
    "trust.data.rows_kept": "rows kept",
    "trust.data.left_out": "left out: {reason}",
    "trust.data.customers": "customers",
    "trust.data.span": "days",
    "trust.data.refunds": "refunds",
    "trust.data.duplicates": "repeated rows",
    "trust.data.zero_amounts": "orders of zero",
    "trust.limits": "What this page does not say: why customers behave so, what an action would "
    "change, or what a season or campaign ahead will bring.",
    "trust.answer.ratio.undated": "On days that the value model had not seen it forecast {ratio} "
    "of the purchases that came ({low} to {high}, 95% interval).",
    "trust.answer.latest": "The latest check: from {day} on, {actual} came; the forecast was "
    "{forecast}, {ratio} of that{reach}.",
    "trust.answer.reach": " ({low} to {high}, 95% interval)",
    "trust.answer.two": "The two differ because they are about other days, and the long one looks "
    "further ahead from less history.",
    "trust.answer.drift": "That holds for customers like those of then: today's differ from them "
    "in {n} of {all} figures, most in “{feature}”. Go by the order of the lists rather than the "
    "exact chances, compare with the next check, and have the models trained again.",
    "trust.drift.limit": "line: different from {limit} on",
    "trust.drift.window": "customers of {day} beside those learnt from, until {learnt}",
    "trust.drift.bare": "distance between two tables: no interval",
    "trust.deciles.bare": "the forecast itself is held against what came: no interval",
    # Left out
    "absent.value": "What customers are worth: needs a lifetime-value model and its scores.",
    "absent.risk": "Who is leaving: needs a churn model and its scores.",
    "absent.tier": "Tiers A, B, C of customers: need the segments model and its scores.",
    "absent.groups": "Segments and stages: need the segments model and its scores.",
    "absent.moves": "How customers moved: needs scores of an earlier day beside these.",
    "absent.truth": "Last period's forecast against what came: needs scores of an earlier day "
    "beside these.",
    "absent.truth_churn": "Last period's chances of leaving against who left: needs scores of the "
    "day that lies one churn window before.",
    "absent.holdout": "A check of the value forecast on later days: the model must be trained "
    "until an earlier day.",
    "absent.churn_holdout": "A check of the churn model: the record of its training was not found.",
    "absent.reasons": "Reasons for every customer on the list: the scores were made without them.",
    "absent.owner": "Who looks after each customer: needs a table of customers with their owners.",
    "absent.offers": "What to offer to whom, and what that gains: needs a list of possible "
    "actions with their costs and effects.",
    "absent.channels": "Which channels bring value: needs a table of contacts (who, when, through "
    "which channel) and of purchases.",
    "absent.kpis": "Cost of a new customer and return on marketing: need the costs of channels by "
    "day.",
    "absent.funnel": "The funnel: needs a table of steps (who reached what, and when).",
    "absent.cohorts": "Who comes back, by month of the first order: needs the table of orders "
    "counted by cohort.",
    "absent.satisfaction": "What customers say (NPS, CSAT): needs a table of answers.",
    "absent.drift": "Whether today's customers are like those learnt from: the scores carry no "
    "record of it.",
    "absent.command": "For the data team:",
}
