/// A published method that has no replay: what it skips cannot be told from recorded values.
public struct UndefinedPolicy: Sendable {
  public let name: String
  public let summary: String
  public let source: String
  /// Why it is not defined on a trace, and what comes nearest where something does, as the end of a sentence.
  public let reason: String

  /// Every such method that is known here.
  public static let all: [UndefinedPolicy] = [
    UndefinedPolicy(
      name: "delta-dit", summary: "Reuses the residual of the back or the front blocks (Delta-DiT).",
      source: "arXiv 2406.01125; no official code.",
      reason:
        "while the front blocks are skipped the back ones run on a predicted input; its early phase, which "
        + "skips the back ones, is interval:site=rest.K"),
    UndefinedPolicy(
      name: "toca", summary: "Recomputes the most important tokens of every module (ToCa).",
      source: "arXiv 2410.05317; Shenyi-Z/ToCa.",
      reason:
        "fresh tokens attend to reused ones, so their values depend on the network; its scores need attention "
        + "maps"),
    UndefinedPolicy(
      name: "duca", summary: "Alternates ToCa's steps with fully reused ones (DuCa).",
      source: "arXiv 2412.18911; Shenyi-Z/DuCa.",
      reason: "every other skipped call recomputes some tokens among reused ones, as ToCa does"),
    UndefinedPolicy(
      name: "clusca", summary: "Recomputes one random token of each cluster and spreads it (ClusCa).",
      source: "arXiv 2509.10312; Shenyi-Z/Cache4Diffusion 91a1949.",
      reason: "recomputed tokens see predicted ones; without them it is taylor:variant=author"),
    UndefinedPolicy(
      name: "dbprune", summary: "Skips single blocks whose input has hardly changed (DBPrune).",
      source: "vipshop/cache-dit f86744a.",
      reason: "each block's input depends on which earlier blocks were skipped"),
    UndefinedPolicy(
      name: "foresight", summary: "Reuses outputs of layers whose error stays below a threshold (Foresight).",
      source: "arXiv 2506.00329; STAR-Laboratory/foresight a4dba33.",
      reason: "layers after the last reused one are computed on its cached output"),
    UndefinedPolicy(
      name: "astraea", summary: "Searched per-step budgets of computed tokens (Astraea).",
      source: "ICLR 2026; no code.",
      reason: "computed tokens attend to reused ones, so their values depend on the network"),
    UndefinedPolicy(
      name: "hero", summary: "Refreshes patches of shallow layers and extrapolates deep ones (HERO).",
      source: "arXiv 2508.17588; no code.",
      reason: "refreshed patches are computed among stale ones; extrapolating the deep layers is "
        + "taylor:order=1,site=rest.K"),
    UndefinedPolicy(
      name: "x-cache",
      summary: "Reuses block residuals of the chunk before at the same step (X-Cache, C3ache).",
      source: "arXiv 2604.20289, 2606.08962; no code.",
      reason: "it reuses across autoregressive chunks, whose context differs; a replay stays within a chunk"),
  ]
}
