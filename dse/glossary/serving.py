"""How requests are served, and what that costs."""

from __future__ import annotations

from dse.glossary.name import Name, count

SERVING: dict[str, Name] = {
    "cache_reads": Name(
        "deployment",
        "1",
        "R_kv",
        "how attention reads the cache where heads share keys and values: once for those that share them, or, in older "
        "engines, once for every query head (with calibrated latency)",
        choices=("shared", "per_query_head"),
        default="shared",
    ),
    "chunk_tokens": count("deployment", "N_chunk", "tokens of a prompt that are read beside the generated ones"),
    "in_flight": Name(
        "deployment",
        "1",
        "o_fl",
        "1: requests of a batch begin and end at different times (in-flight batching): the cache holds of each half "
        "of its output on average",
        maximum=1,
        integer=True,
        default=0,
    ),
    "page_tokens": count("deployment", "N_page", "tokens of a page of the cache; 1: no page is part empty", default=1),
    "draft_tokens": count(
        "deployment", "k", "tokens that a draft model proposes for each pass; 0: none", minimum=0, default=0
    ),
    "draft_params": count("deployment", "P_draft", "parameters of the draft model", minimum=0, default=0),
    "acceptance": Name(
        "circumstance", "1", "alpha_d", "probability that a drafted token is accepted", maximum=0.999, default=0.7
    ),
    "prompt_tokens": count("circumstance", "N_in", "tokens of the prompt of a request"),
    "output_tokens": count("circumstance", "N_out", "tokens that a request generates"),
    "compute_efficiency": Name(
        "circumstance", "1", "eta_c", "share of the peak rate that is reached", positive=True, maximum=1, default=1.0
    ),
    "bandwidth_efficiency": Name(
        "circumstance",
        "1",
        "eta_b",
        "share of the memory bandwidth that is reached",
        positive=True,
        maximum=1,
        default=1.0,
    ),
    "memory_share": Name(
        "circumstance",
        "1",
        "mu",
        "share of the main memory that a model may fill",
        positive=True,
        maximum=1,
        default=0.9,
    ),
    "utilization": Name(
        "circumstance", "1", "U", "share of the thermal design power that is drawn", maximum=1, default=0.7
    ),
    "pue": Name(
        "circumstance",
        "1",
        "PUE",
        "power usage effectiveness of the site, or the name of a published one (dse list pue)",
        minimum=1,
        default=1.2,
    ),
    "carbon_intensity": Name(
        "circumstance", "g/kWh", "CI", "carbon dioxide equivalent of a kilowatt-hour", default=400.0
    ),
    "lifetime": Name(
        "circumstance",
        "s",
        "T_life",
        "time over which the price of an owned device is written off; by default 4 years",
        positive=True,
        default=4 * 365.25 * 24 * 3600.0,
    ),
    "busy_share": Name(
        "circumstance",
        "1",
        "f_busy",
        "share of its lifetime that an owned device works",
        maximum=1,
        positive=True,
        default=1.0,
    ),
    "electricity_price": Name("circumstance", "USD/kWh", "c_el", "price of a kilowatt-hour", default=0.20),
    "on_chip_reuse": Name(
        "circumstance",
        "1",
        "reuse",
        "1: what fits the on-chip memory stays there: no time of the bandwidth, and its energy; 0: all bytes cross it",
        maximum=1,
        integer=True,
        default=0,
    ),
    "energy_profile": Name(
        "circumstance", "1", "profile", "technology of the energy of operations and bytes", default="horowitz-45nm"
    ),
    "memory_profile": Name(
        "circumstance",
        "1",
        "memory",
        "whose energy a byte of main memory takes: auto, that of the device's kind or the nearest generation that is "
        "published, else of the energy profile; energy_profile; or the name of a memory",
        default="auto",
    ),
    "region": Name(
        "circumstance", "1", "region", "country or cloud region that gives carbon intensity and electricity price"
    ),
    "software": Name(
        "deployment",
        "1",
        "software",
        "software that runs the network, where times are calibrated; auto: what is measured on the device in the "
        "number format or the nearest, of several that with most rows",
        default="auto",
    ),
    "latency_model": Name("circumstance", "1", "model", "which model of latency is used"),
}
