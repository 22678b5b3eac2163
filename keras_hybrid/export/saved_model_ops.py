"""Operations of TensorFlow that a classifier's SavedModel may have.

They compute with numbers, strings and the model's own variables. Others may read and
write files, reach the network, call Python, or start and steer other programs.
"""

ALLOWED = frozenset(
    """
    Abs Acos Acosh Add AddN AddV2 All Any ArgMax ArgMin AsString Asin Asinh Assert
    AssignAddVariableOp AssignSubVariableOp AssignVariableOp Atan Atan2 Atanh AvgPool
    AvgPool3D BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpaceND BiasAdd Bincount
    Bitcast BitwiseAnd BitwiseOr BitwiseXor BroadcastArgs BroadcastTo Bucketize Case
    Cast Ceil CheckNumerics ClipByValue Complex ComplexAbs Concat ConcatOffset
    ConcatV2 Conj Const ControlTrigger Conv Conv2D Conv2DBackpropInput Conv3D Cos Cosh
    CropAndResize Cumprod Cumsum DecodeAndCropJpeg DecodeBase64 DecodeBmp DecodeGif
    DecodeImage DecodeJpeg DecodePng DecodeRaw DecodeWebP DenseBincount DepthToSpace
    DepthwiseConv2dNative Dequantize DestroyResourceOp Diag DiagPart Dilation2D
    DisableCopyOnRead Div DivNoNan DynamicPartition DynamicStitch Einsum Elu Empty
    EmptyTensorList EnsureShape Enter Equal Erf Erfc Erfinv EuclideanNorm Exit Exp
    ExpandDims Expm1 ExtractImagePatches FakeQuantWithMinMaxArgs
    FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Fill Floor FloorDiv
    FloorMod For FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd
    GatherV2 Greater GreaterEqual HSVToRGB HashTableV2 Identity IdentityN If Igamma
    Igammac Imag ImageProjectiveTransformV2 ImageProjectiveTransformV3 InTopKV2 Inv
    Invert InvertPermutation IsFinite IsInf IsNan L2Loss LRN LeakyRelu LeftShift Less
    LessEqual Lgamma LinSpace ListDiff Log Log1p LogSoftmax LogicalAnd LogicalNot
    LogicalOr LookupTableFindV2 LookupTableImportV2 LookupTableSizeV2 LoopCond MatMul
    MatrixBandPart MatrixDiag MatrixDiagPart MatrixDiagPartV3 MatrixDiagV3
    MatrixInverse MatrixSetDiagV3 Max MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax
    Maximum Mean Merge Min Minimum MirrorPad Mod Mul MulNoNan Multinomial Neg
    NextIteration NoOp NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5
    NotEqual OneHot OnesLike Pack Pad PadV2 PartitionedCall Placeholder
    PlaceholderWithDefault Pow PreventGradient Prod QuantizeAndDequantizeV2
    QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2 RFFT RFFT2D RGBToHSV
    RandomStandardNormal RandomUniform RandomUniformInt Range Rank ReadVariableOp Real
    RealDiv Reciprocal Relu Relu6 Reshape ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor ResourceGather ResourceGatherNd Reverse ReverseSequence
    ReverseV2 RightShift Rint Roll Round Rsqrt ScaleAndTranslate ScatterNd SegmentMax
    SegmentMean SegmentMin SegmentProd SegmentSum Select SelectV2 Selu Shape ShapeN
    ShardedFilename Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign
    SpaceToBatchND SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze
    StatefulPartitionedCall StatelessCase StatelessIf StatelessRandomGetKeyCounter
    StatelessRandomNormalV2 StatelessRandomUniformV2 StatelessWhile
    StaticRegexFullMatch StopGradient StridedSlice StringJoin StringLength StringLower
    Sub Sum Switch Tan Tanh TensorListConcatV2 TensorListElementShape
    TensorListFromTensor TensorListGather TensorListGetItem TensorListLength
    TensorListPopBack TensorListPushBack TensorListReserve TensorListResize
    TensorListSetItem TensorListStack TensorScatterAdd TensorScatterUpdate Tile TopKV2
    Transpose TruncateDiv TruncateMod Unique Unpack UnsortedSegmentMax
    UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum VarHandleOp
    VarIsInitializedOp VariableShape Where While Xdivy Xlog1py Xlogy ZerosLike
    _FusedBatchNormEx _FusedConv2D _FusedDepthwiseConv2dNative _FusedMatMul
    """.split()  # noqa: SIM905  # three hundred lines as a list
)

OF_THE_SAVER = frozenset({"MergeV2Checkpoints", "RestoreV2", "SaveV2"})
"""These write, move and read files, in functions that TensorFlow adds to every
SavedModel and calls only to save it again."""
