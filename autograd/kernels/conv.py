from __future__ import annotations
import numpy as np
from .plan import plan, forward_axis, adjoint_axis
from .implicit_gemm import correlate
def conv2d(x, w, *, stride, padding, dilation, groups):
    oh,ow=[(n+a+b-d*(k-1)-1)//s+1 for n,(a,b),d,k,s in zip(x.shape[2:],padding,dilation,w.shape[2:],stride)]
    v=forward_axis(oh,w.shape[2],stride[0],padding[0][0],dilation[0])
    h=forward_axis(ow,w.shape[3],stride[1],padding[1][0],dilation[1])
    out=np.empty((x.shape[0],w.shape[0],oh,ow),x.dtype)
    p=plan(x.shape[1]//groups,x.shape[2:],v,h,w.shape[3],x.shape[0]*groups,x.dtype.itemsize)
    return correlate(x,w,p,out,groups=groups,transposed=False)
def conv2d_input(g, w, *, size, stride, padding, dilation, groups):
    v=adjoint_axis(size[0],w.shape[2],stride[0],padding[0][0],dilation[0])
    h=adjoint_axis(size[1],w.shape[3],stride[1],padding[1][0],dilation[1])
    out=np.empty((g.shape[0],w.shape[1]*groups,*size),g.dtype)
    p=plan(g.shape[1]//groups,g.shape[2:],v,h,w.shape[3],g.shape[0]*groups,g.dtype.itemsize)
    return correlate(g,w,p,out,groups=groups,transposed=True)
