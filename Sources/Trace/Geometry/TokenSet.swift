/// Tokens whose errors are told of together: all, those of one modality, or those of one frame.
public struct TokenSet: Hashable, Sendable {
  /// The partitions of a trace's tokens.
  public enum Kind: String, Hashable, Sendable, CaseIterable { case all, modality, frame }

  public let kind: Kind
  /// `all`, the modality's name, or the frame's number.
  public let name: String
  /// Indices among the geometry's tokens, ascending.
  public let members: [Int]

  /// The sets of every kind that `tokens` make, in the order of kinds, modalities and frames; none is empty.
  public static func sets(of tokens: [TokenTable.Token], modalities: [String]) -> [TokenSet] {
    func members(_ isIn: (TokenTable.Token) -> Bool) -> [Int] { tokens.indices.filter { isIn(tokens[$0]) } }
    let frames = Set(tokens.map(\.frame)).sorted()
    let sets =
      [TokenSet(kind: .all, name: Kind.all.rawValue, members: Array(tokens.indices))]
      + modalities.enumerated().map { index, name in
        TokenSet(kind: .modality, name: name, members: members { $0.modality == index })
      }
      + frames.map { frame in
        TokenSet(kind: .frame, name: "\(frame)", members: members { $0.frame == frame })
      }
    return sets.filter { !$0.members.isEmpty }
  }
}
