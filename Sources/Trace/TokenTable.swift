/// What each row of a tap's tensor stands for; one table per layout, shared by the taps that use it.
public struct TokenTable: Hashable, Sendable, Codable {
  /// The layout's name, such as `output` or `hidden`.
  public var name: String
  /// Names of the modalities; `Token.modality` is an index into them.
  public var modalities: [String]
  /// Channels of a row; rows with fewer valid ones are padded with zeros.
  public var channelCount: Int
  /// One entry per row.
  public var tokens: [Token]

  public struct Token: Hashable, Sendable, Codable {
    public var modality: Int
    public var frame: Int
    public var row: Int
    public var column: Int
    /// How many of the row's leading channels carry a value.
    public var validChannels: Int
    /// False for rows that only pad the tensor.
    public var isValid: Bool

    public init(
      modality: Int, frame: Int, row: Int, column: Int, validChannels: Int, isValid: Bool = true
    ) {
      self.modality = modality
      self.frame = frame
      self.row = row
      self.column = column
      self.validChannels = validChannels
      self.isValid = isValid
    }
  }

  public init(name: String, modalities: [String], channelCount: Int, tokens: [Token]) {
    self.name = name
    self.modalities = modalities
    self.channelCount = channelCount
    self.tokens = tokens
  }

  /// Whether this is the layout of a step vector, which has no tokens.
  public var isVector: Bool { modalities == ["step"] && tokens.count == 1 }

  /// The layout of a step vector: one row that belongs to no place and no modality.
  public static func vector(name: String, channelCount: Int) -> TokenTable {
    TokenTable(
      name: name, modalities: ["step"], channelCount: channelCount,
      tokens: [Token(modality: 0, frame: 0, row: 0, column: 0, validChannels: channelCount)])
  }
}
