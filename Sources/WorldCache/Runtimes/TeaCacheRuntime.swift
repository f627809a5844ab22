/// JSON with the attributes that TeaCache's scripts set on the model's class (ali-vilab/TeaCache 7c10efc).
///
