import WorldModel

extension Terminal {
  /// Says what makes the model faster where the matrix library does not know the processor.
  static func remarkOnKernel() {
    guard let core = BLAS.fasterCore else { return }
    remark(
      "the matrix library does not know this processor and uses its old kernel \(BLAS.core): 'export "
        + "OPENBLAS_CORETYPE=\(core)' makes the model two to three times as fast; last digits of features differ with it"
    )
  }
}
