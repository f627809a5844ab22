/// What a replay works out beside its decisions and the error of each call.
public struct Figures: OptionSet, Hashable, Sendable {
  public let rawValue: Int

  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The error of every single token: the worst one of each call, and each token's total.
  public static let tokens = Figures(rawValue: 1)
  /// The direct and the streak-coherent error of the final latent.
  public static let finalLatent = Figures(rawValue: 2)

  /// Which decisions would turn out otherwise within the error bounds of the signals (``Shadows``); decides
  /// several times over.
  public static let nearTies = Figures(rawValue: 8)

  /// The finer figures (``StreamDetails``), which take several times as long; they include the others.
  public static let details = Figures(rawValue: 15)

  /// What a table of replays shows.
  public static let table: Figures = [.tokens, .finalLatent]
}
