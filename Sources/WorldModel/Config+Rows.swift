public import Trace

/// Between the denoiser's tokens, which hold all modalities of a patch, and the rows of the `output`
/// layout, which hold one modality each.
extension Config {
  /// (tokens, targetChannels) → rows of ``outputLayout``, padded with zeros.
  public func outputRows(_ tokens: Tensor) -> Tensor {
    precondition(tokens.rows == self.tokens && tokens.columns == targetChannels)
    var rows = Tensor(zeros: modalities.count * self.tokens, modalities.map(\.channels).max()!)
    forEachRow { row, token, channels in
      let (to, from) = (row * rows.columns, token * targetChannels + channels.lowerBound)
      for i in 0..<channels.count { rows.values[to + i] = tokens.values[from + i] }
    }
    return rows
  }

  /// Rows of ``outputLayout`` → (tokens, targetChannels); the padding is dropped.
  public func targetTokens(_ rows: Tensor) -> Tensor {
    precondition(
      rows.rows == modalities.count * self.tokens && rows.columns == modalities.map(\.channels).max()!)
    var tokens = Tensor(zeros: self.tokens, targetChannels)
    forEachRow { row, token, channels in
      let (to, from) = (token * targetChannels + channels.lowerBound, row * rows.columns)
      for i in 0..<channels.count { tokens.values[to + i] = rows.values[from + i] }
    }
    return tokens
  }

  // Visits every row with its token and the token's channels that it holds.
  private func forEachRow(_ body: (Int, Int, Range<Int>) -> Void) {
    var offset = 0
    for (index, modality) in modalities.enumerated() {
      for token in 0..<tokens { body(index * tokens + token, token, offset..<(offset + modality.channels)) }
      offset += modality.channels
    }
  }
}
