"""Training on simulated markets, and the networks that came of it.

`weights` keeps the networks and lets others begin as them. They come of `training`, with `settings`
for how, `panel` for how a network reads simulated bars, `supply` for the bars' order, `objective`
for the losses, and `progress` for going on after an interruption.
"""
