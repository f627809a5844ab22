import Trace

/// Normal equations of one call, branch and modality, class by class.
struct ResponseSums: Sendable {
  let channelCount: Int
  let classCount: Int
  // G and H of every class, (C, C) row-major; G only in its upper triangle.
  private var inputs: [Double]
  private var products: [Double]
  private var outputs: [Double]

  init(channelCount: Int, classCount: Int) {
    self.channelCount = channelCount
    self.classCount = classCount
    inputs = [Double](repeating: 0, count: classCount * channelCount * channelCount)
    products = inputs
    outputs = [Double](repeating: 0, count: classCount)
  }

  var hasSamples: Bool { inputs.contains { $0 != 0 } }

  /// Whether a class of tokens has changed at all.
  func hasSamples(of place: Int) -> Bool {
    let size = channelCount * channelCount
    return inputs[(place * size)..<((place + 1) * size)].contains { $0 != 0 }
  }

  /// Adds the rows of one modality.
  mutating func add(
    _ change: [Float], _ answer: [Float], scale: Double, modality: Int, classes: [Int], _ layout: TokenTable
  ) {
    let (c, width) = (channelCount, layout.channelCount)
    var x = [Double](repeating: 0, count: c)
    var y = x
    for (row, token) in layout.tokens.enumerated() where token.isValid && token.modality == modality {
      for i in 0..<c {
        x[i] = scale * Double(change[row * width + i])
        y[i] = scale * Double(answer[row * width + i])
      }
      let start = classes[row] * c * c
      for i in 0..<c where x[i] != 0 {
        let (factor, from) = (x[i], start + i * c)
        for j in i..<c { inputs[from + j] += factor * x[j] }
        for j in 0..<c { products[from + j] += factor * y[j] }
      }
      outputs[classes[row]] += y.reduce(0) { $0 + $1 * $1 }
    }
  }

  /// The matrices of all classes, what they leave of Σ ‖δy‖² and that sum.
  func solution(ridge: Double) -> (matrices: [Float], residual: Double, total: Double) {
    let c = channelCount
    var matrices: [Float] = []
    var residual = 0.0
    for place in 0..<classCount {
      var g = [Double](repeating: 0, count: c * c)
      for i in 0..<c {
        for j in i..<c {
          g[i * c + j] = inputs[(place * c + i) * c + j]
          g[j * c + i] = g[i * c + j]
        }
      }
      let h = Array(products[(place * c * c)..<((place + 1) * c * c)])
      let trace = (0..<c).reduce(0) { $0 + g[$1 * c + $1] }
      guard trace > 0 else {
        matrices += [Float](repeating: 0, count: c * c)
        residual += outputs[place]
        continue
      }
      let scalar = (0..<c).reduce(0) { $0 + h[$1 * c + $1] } / trace
      var rest = h
      for index in rest.indices { rest[index] -= scalar * g[index] }
      var damped = g
      for i in 0..<c { damped[i * c + i] += ridge * trace / Double(c) }
      var matrix = Cholesky(damped, count: c).solving(rest, columns: c)
      for i in 0..<c { matrix[i * c + i] += scalar }
      // ‖y − Aᵀx‖² summed: tr Y − 2 tr AᵀH + tr AᵀGA
      var fit = outputs[place]
      for i in 0..<c {
        for j in 0..<c {
          fit -= 2 * matrix[i * c + j] * h[i * c + j]
          var product = 0.0
          for k in 0..<c { product += g[i * c + k] * matrix[k * c + j] }
          fit += matrix[i * c + j] * product
        }
      }
      residual += max(0, fit)
      matrices += matrix.map(Float.init)
    }
    return (matrices, residual, outputs.reduce(0, +))
  }
}
