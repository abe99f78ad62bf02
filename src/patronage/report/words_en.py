"""What the page says, in English. Every key is in words_zh too, with the same {fields}."""

from patronage.report.words_en_more import MORE

WORDS: dict[str, str] = {
    # The page itself
    "title": "What our customers are worth",
    "as_of": "As of {day}",
    "undated": "No day named",
    "skip": "Skip to the answers",
    "nav": "Questions",
    "other_language": "中文版",
    "behind": "Numbers behind this picture",
    "made_with": "Made with patronage from the score table of {day}. Nothing on this page is "
    "loaded from elsewhere.",
    "absent.title": "Not on this page",
    "customers": "{n} customers",
    "customers.one": "{n} customer",
    "customers.label": "Customers",
    "repeats": "{n} repeat purchases",
    "repeats.one": "{n} repeat purchase",
    "purchases": "{n} purchases",
    "purchases.one": "{n} purchase",
    "next_days": "the {days} days from {day}",
    "ahead": "the time ahead",
    "between_sentences": " ",
    "and": "; ",
    "share": "Share",
    "value.label": "Value",
    "channel": "Channel",
    "model": "Model",
    "interval80": "80% interval, customers taken as independent",
    "interval95": "95% interval",
    "forecast": "Forecast",
    "actual": "What came",
    "tier": "Tier",
    "interval": "{level} interval",
    "counted": "counted, not estimated: no interval",
    "mean_of_all": "mean of all these customers, not of a sample: no interval",
    "no_window": "days not on record",
    "until": "up to {day}",
    "after": "after {day}",
    "value_ahead": "as of {day}; value: {span}",
    "risk_ahead": "as of {day}; chance: {days} days; value: {span}",
    "not_over": "{period} (not over)",
    "no_interval": "no interval on record",
    "no_n": "number not on record",
    "comma": ", ",
    "in_brackets": "({text})",
    # First screen
    "key.total": "Value to come",
    "key.total.detail": "{customers}, {span}; {range}",
    "key.risk": "Value at risk",
    "key.risk.detail": "value of {customers} weighted by the chance of {event}; {part} of it with "
    "{n} both valuable and at risk",
    "key.trust": "Can we trust this?",
    "key.trust.value": "{ratio}",
    "key.trust.ratio": "of the purchases that came were forecast{span} (95% interval {low} to "
    "{high})",
    "key.trust.span": ", {span}",
    "key.trust.grade": "churn model: grade {grade}",
    "key.trust.alone": "Grade {grade}",
    "key.trust.alone.detail": "of the churn model alone; no check of the value forecast is on "
    "record",
    "key.trust.none": "Not checked",
    "key.trust.none.detail": "no holdout is on record for these scores",
    "key.total.plain": "80% interval {low} to {high}",
    "key.total.widened": "80% interval {low} to {high}, widened by the long check's miss",
    "key.moved.detail": "since {day}; the largest move: {before} to {after}, {customers}",
    "key.moved.none": "since {day}",
    "key.stage": "Largest stage",
    "key.segment": "Largest segment",
    "key.group.detail": "{customers} of the customers; no earlier day to compare with",
    "key.channel": "Channel with most credit",
    "key.channel.detail": "{share} of the credit by {model}",
    "key.channel.reach": "{share} of the credit by {model}, {interval} {low} to {high}",
    "key.channel.unsure": "not clearly ahead of {next}",
    "key.channels": "Channels",
    "key.channels.value": "See below",
    "key.channels.detail": "costs, funnel, cohorts or answers are here, credit of channels is not",
    "key.absent": "No data yet",
    "key.absent.detail": "What it needs stands at the end of this page.",
    "key.trust.since": "{ratio} since {day}",
    "next.title": "What to do next",
    "next.call": "Speak to the customers on the early-warning list, from the top: {customers}, "
    "with {value} of value at risk together.",
    "next.offer": "Let “{action}” go out: {gain} expected for {cost}, to {customers}, from effects "
    "{basis}.",
    "next.keep": "Look after tier {tier} first: {customers} of the customers hold {value} of the "
    "value to come.",
    "next.channel": "Before more money goes to {channel}, test it with a control group: credit is "
    "no proof.",
    "next.channel_data": "To see which channels bring value, have contacts and costs of channels "
    "gathered.",
    "next.retrain": "Have the models trained again: today's customers differ from those that they "
    "learnt from. Until then go by the order of the lists, not by the exact chances.",
    "next.range": "Plan with the range, not with the one number: the last long check forecast "
    "{ratio} of what came.",
    "next.check": "Have the forecast checked on later days before a budget rests on it.",
    "key.moved.stage": "Changed stage",
    "key.moved.segment": "Changed segment",
    # 1 worth
    "worth.title": "What are our customers worth?",
    "worth.answer": "{customers} are forecast to bring {total} within {span}; the most valuable "
    "fifth holds {share} of it, and half of the customers are worth {median} or less each.",
    "worth.answer.few": "{customers} are forecast to bring {total} within {span}.",
    "worth.answer.few.one": "{customers} is forecast to bring {total} within {span}.",
    "worth.few": "No tenths or fifths are told: fewer than {few} customers are too few for them.",
    "worth.below": "{n} of them are forecast to cost more than they bring, {total} together; "
    "shares of a total with losses in it would mislead, so none are told.",
    "worth.below.one": "{n} of them is forecast to cost more than it brings, {total}; shares of a "
    "total with a loss in it would mislead, so none are told.",
    "worth.widened": "The range in the first box counts chance among customers and how far the "
    "long check was off.",
    "worth.basis.revenue": "Value is all that customers are forecast to pay, no costs taken off, "
    "discounted to today at {discount} a year.",
    "worth.basis.margin": "Value is margin, {margin} of what customers are forecast to pay, "
    "discounted to today at {discount} a year.",
    "worth.plain": "The range in the first box counts chance among customers only; no check on "
    "later days is on record.",
    "worth.tenths.title": "Value by tenth of customers",
    "worth.tenths.sentence": "The top tenth brings {share} of the value, {mean} a customer; the "
    "bottom half brings {rest}.",
    "worth.tenths.sums": "The top tenth brings {share}, {mean} a customer; the bottom half brings "
    "{rest}.",
    "worth.tenths.label": "Tenth of customers, 1 the most valuable",
    "worth.tiers.title": "Customers and value by tier",
    "worth.tiers.sentence": "Tier {tier} is {customers} of the customers and {value} of the value.",
    "worth.share_customers": "Share of customers",
    "worth.share_value": "Share of value",
    "worth.holdout.title": "Forecast and what came, on days the model had not seen",
    "worth.holdout.sentence": "The forecast was {ratio} of the money that came in the {days} days "
    "after {day} (95% interval {low} to {high}); the tenth it put first brought {share} of it.",
    "worth.holdout.label": "Tenth by forecast, 1 the highest",
    "worth.holdout.value": "Spend a customer",
    "worth.curve.title": "Repeat purchases, week by week",
    "worth.curve.sentence": "In the weeks of the check {actual} came; the forecast was "
    "{forecast}, {ratio} of that. The lines count the weeks before as well.",
    "worth.curve.x": "Week, 0 ends on {day}",
    "worth.curve.y": "Repeat purchases so far",
    "worth.curve.mark": "forecast begins",
    "worth.holdout.bare": "the forecast itself is held against what came: no interval",
    "worth.curve.reach": "95% interval of forecast over what came: {low} to {high}",
    "worth.curve.bare": "counts of all these customers and the forecast of them: no interval",
    # 2 leaving
    "leaving.title": "Who is leaving?",
    "leaving.answer": "{customers} are both at risk (a chance of {risk} or more of {event}) and "
    "valuable (worth {value} or more).",
    "leaving.answer.one": "{customers} is both at risk (a chance of {risk} or more of {event}) and "
    "valuable (worth {value} or more).",
    "leaving.usual": "Leaving is common: of {customers} judged on {day}, {rate} bought nothing in "
    "the {days} days after. The list has valuable customers whose chance is {risk} or more, not "
    "those surest to leave.",
    "leaving.usual.mean": "The mean chance of {customers} judged is {mean}. The list has "
    "valuable customers whose chance is {risk} or more, not those surest to leave.",
    "leaving.no_reason": "no single reason stands out",
    "leaving.unasked": "no reason on record",
    "leaving.alive": "There is no churn model behind these scores: the chance of leaving is taken "
    "from the purchase history alone.",
    "leaving.unjudged": "{n} of {all} are not in these figures: the model does not judge them, "
    "such as those long gone.",
    "leaving.unjudged.one": "{n} of {all} is not in these figures: the model does not judge such "
    "customers, as those long gone.",
    "leaving.bands.title": "Value by chance of leaving",
    "leaving.bands.sentence": "{share} of the value of these customers belongs to those with a "
    "chance of {risk} or more.",
    "leaving.bands.sum": "Customers with a chance of {risk} or more are worth {share} together.",
    "leaving.at_risk": "Value at risk",
    "leaving.segments.title": "Value at risk by segment",
    "leaving.segments.sentence": "{share} of the value at risk sits with {segment}. Segments go by "
    "past purchases: who is worth much has much at stake even at a lower chance.",
    "leaving.offers.title": "What acting would gain",
    "leaving.offers.sentence": "{action} gains most: {gain} for {cost}, offered to {customers}.",
    "leaving.offers.gain": "Expected gain",
    "leaving.offers.cost": "Cost",
    "leaving.offers.label": "Action",
    "leaving.list": "Early-warning list",
    "leaving.list.by_gain": "Sorted by expected gain; a column's heading sorts by it.",
    "leaving.list.by_value": "Sorted by value at risk; a column's heading sorts by it.",
    "leaving.search": "Search the list",
    "leaving.shown": "{n} of {all} rows shown",
    "leaving.none": "Nobody is both at risk and valuable.",
    "leaving.masked": "Ids are hidden: numbers follow the order of this list and mean nothing "
    "elsewhere.",
    "leaving.masked_id": "customer {n}",
    "col.customer_id": "Customer",
    "col.owner": "Owner",
    "col.churn_probability": "Chance of leaving",
    "col.lifetime_value": "Value",
    "col.value_at_risk": "Value at risk",
    "col.recency_days": "Days since purchase",
    "col.frequency": "Repeat purchases",
    "col.segment": "Segment",
    "col.tier": "Tier",
    "col.stage": "Stage",
    "col.action": "Action",
    "col.expected_gain": "Expected gain",
    "col.churn_reasons": "Reasons",
    "leaving.printed": "In print: the first {n} of {all} rows, as sorted.",
    "leaving.event": "buying nothing within {days} days",
    "leaving.event.undated": "leaving",
    "leaving.event.alive": "never buying again",
    "leaving.basis": "Value at risk is the forecast value{span}, weighted by the chance of "
    "{event}. It orders the list and shows where most is at stake; it is no forecast of a loss, "
    "since the value already allows for customers who stop buying.",
    "leaving.basis.span": " of {span}",
    "leaving.list.most.by_value": "The {n} with most at stake, of {all}.",
    "leaving.list.most.by_gain": "The {n} with the highest expected gain, of {all}.",
    "leaving.offers.bare": "expected, from effects {basis}: no interval",
    "leaving.offers.measured": "that were measured",
    "leaving.offers.assumed": "that are assumed",
    "leaving.offers.mixed": "that are measured for some actions and assumed for others",
}
WORDS |= MORE

LABELS: dict[str, dict[str, str]] = {
    "model": {
        "first": "first touch",
        "last": "last touch",
        "last_non_direct": "last, not direct",
        "linear": "linear",
        "u_shaped": "U-shaped",
        "w_shaped": "W-shaped",
        "time_decay": "time decay",
        "markov": "Markov",
        "shapley": "Shapley",
    },
    "absent": {"(not there)": "not there"},
    "owner": {"(no owner)": "no owner"},
    "action": {"none": "none", "": "none"},
}
